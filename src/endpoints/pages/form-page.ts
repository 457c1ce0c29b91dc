import type { ExecutionResult } from 'graphql';
import { type Html, html } from '../../lib/html.ts';
import { type Endpoint, type EndpointRequest, sendHtml } from '../../transport/http/endpoint.ts';
import { parseForm } from '../../transport/http/parse-form.ts';
import { readBody } from '../../transport/http/read-body.ts';
import type { Form } from './form.ts';
import { type FormErrors, findMissingFields, toFormErrors } from './form-errors.ts';
import { contentSecurityPolicy, layout, stylesheets } from './layout.ts';
import { renderForm } from './render-form.ts';

const formType = /^application\/x-www-form-urlencoded(?: *; *charset=utf-8)?$/i;
const maxBytes = 16 * 1024; // a password, a name and an address of their maximal lengths, percent-encoded

/** A page that an email links to. Opening it changes nothing, because mail programs also open links; submitting its form does. */
export const formPage = (path: string, forms: readonly Form[]): Endpoint => ({
  method: 'GET, POST',
  respond: (exchange) => (exchange.request.method === 'POST' ? submitForm(exchange, path, forms) : showForm(exchange, path, forms)),
});

function showForm({ services, request, response }: EndpointRequest, path: string, forms: readonly Form[]) {
  const query = queryOf(request);
  const form = findForm(forms, query, (tokenParam) => Boolean(query.get(tokenParam)));
  const values = new Map(form.tokenParam ? [[form.tokenParam, query.get(form.tokenParam) ?? '']] : []);
  send(response, 200, renderForm({ path, form, values }, services.config));
}

const queryOf = ({ url }: EndpointRequest['request']) => new URLSearchParams(url?.split(/\?(.*)/s)[1]);

/** The form for the token that is given, or for the query of the URL, or the last one. */
const findForm = (forms: readonly Form[], query: URLSearchParams, hasToken: (tokenParam: string) => boolean): Form =>
  forms.find(({ tokenParam }) => tokenParam !== undefined && hasToken(tokenParam)) ??
  forms.find(({ shownAt }) => shownAt !== undefined && query.has(shownAt)) ??
  (forms.at(-1) as Form);

const invalidForm = layout(stylesheets.response, 'Error: Invalid form', 'Invalid form', [
  html`<p class="error" role="alert">The form was not sent correctly. Go back, reload the page and try again.</p>`,
]);

async function submitForm(exchange: EndpointRequest, path: string, forms: readonly Form[]): Promise<void> {
  const { guard, request, response, services } = exchange;
  // A page with `referrer-policy: no-referrer`, like ours, submits its form with `Origin: null`. A page of another site may do so too, but it
  // has no token of a link, and there are no cookies.
  if (request.headers.origin !== 'null' && !guard.isAllowedOrigin(request)) return guard.rejectRequest(response, 403, 'FORBIDDEN');
  const body = await readBody(request, formType, maxBytes);
  if (typeof body !== 'string') return guard.rejectRequest(response, body.status, body.code);
  const values = parseForm(body);
  if (!values) return send(response, 400, invalidForm);
  const form = findForm(forms, queryOf(request), (tokenParam) => values.has(tokenParam));
  const outcome = await submit(exchange, form, values);
  if (!('fields' in outcome)) return send(response, 200, outcome);
  const page =
    outcome.code === 'INVALID_TOKEN' && form.tokenParam
      ? renderInvalidLink(path, form, outcome)
      : renderForm({ path, form, values, errors: outcome }, services.config);
  send(response, outcome.status, page, outcome.retryAfter);
}

/** Runs the mutation of the form. Returns the page to show next, or the errors. */
async function submit(exchange: EndpointRequest, form: Form, values: ReadonlyMap<string, string>): Promise<Html | FormErrors> {
  const token = values.get(form.tokenParam ?? '');
  const isAlternative = form.alternative !== undefined && values.has('without');
  const fields = isAlternative ? form.fields.filter(({ always }) => always) : form.fields;
  const missing = findMissingFields(fields, values);
  if (missing) return missing;
  const entered = fields.flatMap(({ name }) => (values.has(name) ? [[name, values.get(name)]] : []));
  return runMutation(exchange, form, { token, ...Object.fromEntries(entered) });
}

async function runMutation(
  { client, run, response }: EndpointRequest,
  form: Form,
  { token, ...fields }: { readonly token: string | undefined },
): Promise<Html | FormErrors> {
  const params = { query: form.mutation, variables: { input: { ...(token !== undefined && { token }), ...fields } } };
  const { errors, data } = (await run({ params, client, authorization: null, connection: response })) as ExecutionResult;
  const [error] = errors ?? [];
  if (error) return toFormErrors(error, form);
  const { title, content } = form.done(data?.done as Record<string, unknown>);
  return layout(stylesheets.response, title, title, content);
}

function renderInvalidLink(path: string, { wrongToken, retry }: Form, { form: message = '' }: FormErrors): Html {
  const { title } = wrongToken ?? { title: 'Invalid link' };
  return layout(stylesheets.response, `Error: ${title}`, title, [
    html`<p class="error" role="alert">${message}</p>`,
    html`${retry && html`<p><a href="${path.slice(1)}">${retry}</a></p>`}`,
  ]);
}

function send(response: EndpointRequest['response'], status: number, page: Html, retryAfter?: string) {
  sendHtml(response, status, page, { 'content-security-policy': contentSecurityPolicy, ...(retryAfter && { 'retry-after': retryAfter }) });
}
