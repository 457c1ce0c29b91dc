import type { Config } from '../../config.ts';
import { type Html, html } from '../../lib/html.ts';
import type { Form, FormField } from './form.ts';
import type { FormErrors } from './form-errors.ts';
import { layout, stylesheets } from './layout.ts';

/** A form with the submitted values and their errors. */
interface FormView {
  /** The path of the page. */
  readonly path: string;
  readonly form: Form;
  readonly values: ReadonlyMap<string, string>;
  readonly errors?: FormErrors;
}

/** Renders the page of a form. Passwords and codes are not filled in again; the token of the link is, as its URL contains it anyway. */
export function renderForm({ path, form, values, errors }: FormView, config: Config): Html {
  const { tokenParam, shownAt, title, description, fields, button, alternative, otherForm } = form;
  const firstInvalid = fields.find(({ name }) => errors?.fields[name]);
  return layout(errors ? stylesheets.response : stylesheets.page, errors ? `Error: ${title}` : title, title, [
    ...description.map((sentence) => html`<p>${sentence}</p>`),
    html`${errors?.form && html`<p class="error" role="alert">${errors.form}</p>`}
<form method="post" action="${path.slice(1)}${shownAt && `?${shownAt}`}">
${tokenParam && html`<input type="hidden" name="${tokenParam}" value="${values.get(tokenParam) ?? ''}">`}
${fields.map((field) => renderField(field, config, values, errors?.fields[field.name], field === firstInvalid))}
<button>${button}</button>
${
  alternative &&
  html`<p class="hint" id="without-hint">${alternative.description}</p>
<button name="without" value="fields" formnovalidate aria-describedby="without-hint">${alternative.button}</button>`
}
</form>`,
    html`${otherForm && html`<p><a href="${path.slice(1)}${otherForm.query}">${otherForm.label}</a></p>`}`,
  ]);
}

function renderField(
  { name, label, type, autocomplete, optional, hint }: FormField,
  config: Config,
  values: ReadonlyMap<string, string>,
  errors: readonly string[] | undefined,
  hasFocus: boolean,
): Html {
  const describedBy = [errors && `${name}-error`, hint && `${name}-hint`].filter((id) => id !== undefined).join(' ');
  const isCode = autocomplete === 'one-time-code';
  const value = type === 'password' || isCode ? '' : (values.get(name) ?? '');
  return html`<label for="${name}">${label}${optional && ' (optional)'}</label>
${hint && html`<p class="hint" id="${name}-hint">${hint(config)}</p>`}
${errors && html`<p class="error" role="alert" id="${name}-error">${errors.join(' ')}</p>`}
<input id="${name}" name="${name}" type="${type}" autocomplete="${autocomplete}" value="${value}"${isCode && html` inputmode="numeric"`}${describedBy !== '' && html` aria-describedby="${describedBy}"`}${errors && html` aria-invalid="true"`}${!optional && html` required`}${hasFocus && html` autofocus`}>`;
}
