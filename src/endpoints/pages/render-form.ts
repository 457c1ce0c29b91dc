import type { Config } from '../../config.ts';
import { type Html, html } from '../../lib/html.ts';
import type { Form, FormField } from './form.ts';
import type { FormErrors } from './form-errors.ts';
import { layout, styles } from './layout.ts';

/** A form with what it was given, and what was wrong with that. */
export interface FormView {
  /** The path of the page. */
  readonly path: string;
  readonly form: Form;
  readonly given: ReadonlyMap<string, string>;
  readonly faults?: FormErrors;
}

/** The page of a form. What is secret is not filled in again, save the token of the link, which its address showed already. */
export function renderForm({ path, form, given, faults }: FormView, config: Config): Html {
  const { tokenParam, title, description, fields, button, alternative } = form;
  const first = fields.find(({ name }) => faults?.fields[name]);
  return layout(faults ? styles.answer : styles.opened, faults ? `Error: ${title}` : title, title, [
    ...description.map((sentence) => html`<p>${sentence}</p>`),
    html`${faults?.whole && html`<p class="fault" role="alert">${faults.whole}</p>`}
<form method="post" action="${path.slice(1)}">
${tokenParam && html`<input type="hidden" name="${tokenParam}" value="${given.get(tokenParam) ?? ''}">`}
${fields.map((field) => showField(field, config, given, faults?.fields[field.name], field === first))}
<button>${button}</button>
${
  alternative &&
  html`<p class="hint" id="without-hint">${alternative.says}</p>
<button name="without" value="fields" formnovalidate aria-describedby="without-hint">${alternative.button}</button>`
}
</form>`,
  ]);
}

function showField(
  { name, label, type, autocomplete, optional, hint }: FormField,
  config: Config,
  given: ReadonlyMap<string, string>,
  faults: readonly string[] | undefined,
  isFirst: boolean,
): Html {
  const described = [faults && `${name}-fault`, hint && `${name}-hint`].filter((id) => id !== undefined).join(' ');
  const value = type === 'password' ? '' : (given.get(name) ?? '');
  return html`<label for="${name}">${label}${optional && ' (if you like)'}</label>
${hint && html`<p class="hint" id="${name}-hint">${hint(config)}</p>`}
${faults && html`<p class="fault" role="alert" id="${name}-fault">${faults.join(' ')}</p>`}
<input id="${name}" name="${name}" type="${type}" autocomplete="${autocomplete}" value="${value}"${described !== '' && html` aria-describedby="${described}"`}${faults && html` aria-invalid="true"`}${!optional && html` required`}${isFirst && html` autofocus`}>`;
}
