import type { ActiveSubscription } from '../../graphql/execution/connection.ts';
import { type Html, html } from '../../lib/html.ts';
import { type Endpoint, type EndpointRequest, sendHtml } from '../../transport/http/endpoint.ts';
import { parseForm } from '../../transport/http/parse-form.ts';
import { readBody } from '../../transport/http/read-body.ts';
import type { Form } from './form.ts';
import { type FormErrors, findMissingFields, toFormErrors } from './form-errors.ts';
import { layout, policy, styles } from './layout.ts';
import { renderForm } from './render-form.ts';

const types = /^application\/x-www-form-urlencoded(?: *; *charset=utf-8)?$/i;
const most = 16 * 1024; // bytes: a password, a name and an address as long as they may be, percent-encoded

/** A page that a letter links to. Opening it changes nothing, for programs that read mail open links too; sending its form does. */
export const formPage = (path: string, forms: readonly Form[]): Endpoint => ({
  method: 'GET, POST',
  answer: (exchange) => (exchange.request.method === 'GET' ? open(exchange, path, forms) : receive(exchange, path, forms)),
});

function open({ services, request, response }: EndpointRequest, path: string, forms: readonly Form[]) {
  const given = new URLSearchParams(request.url?.split(/\?(.*)/s)[1]);
  const form = forms.find(({ tokenParam }) => tokenParam === undefined || given.get(tokenParam));
  if (!form) return send(response, 400, incomplete);
  send(
    response,
    200,
    renderForm(
      { path, form, given: new Map(form.tokenParam ? [[form.tokenParam, given.get(form.tokenParam) ?? '']] : []) },
      services.config,
    ),
  );
}

const incomplete = layout(styles.opened, 'The link is not complete', 'The link is not complete', [
  html`<p>Open the link in the letter once more, or copy its whole address.</p>`,
]);

async function receive(exchange: EndpointRequest, path: string, forms: readonly Form[]): Promise<void> {
  const { guard, request, response, services } = exchange;
  // A browser that tells nobody where it comes from, as these pages ask it to, sends `Origin: null`. So may a page of anybody: it has no
  // token of a link, and there is no cookie that would lend it one.
  if (request.headers.origin !== 'null' && !guard.admits(request)) return guard.refuse(response, 403, 'FORBIDDEN');
  const text = await readBody(request, types, most);
  if (typeof text !== 'string') return guard.refuse(response, ...text);
  const given = parseForm(text);
  const form = given && forms.find(({ tokenParam }) => tokenParam === undefined || given.has(tokenParam));
  if (!form) return send(response, 400, incomplete);
  const bare = form.alternative !== undefined && given.has('without');
  const outcome =
    (bare ? undefined : findMissingFields(form, given)) ??
    (await perform(exchange, form, bare ? new Map() : given, given.get(form.tokenParam ?? '')));
  if (!('fields' in outcome)) return send(response, 200, outcome);
  const shown =
    outcome.code === 'INVALID_TOKEN' ? spent(path, forms, outcome) : renderForm({ path, form, given, faults: outcome }, services.config);
  send(response, outcome.status, shown, outcome.wait);
}

/** Does the mutation by the way of every operation; answers what to show then, or what was wrong. */
async function perform(
  { client, connectionLimiter, prepare, response }: EndpointRequest,
  form: Form,
  given: ReadonlyMap<string, string>,
  token: string | undefined,
): Promise<Html | FormErrors> {
  const { fields, mutation, done } = form;
  const connection = Object.assign(response, { subscriptions: new Set<ActiveSubscription>() });
  const typed = fields.flatMap(({ name }) => (given.has(name) ? [[name, given.get(name)]] : []));
  const variables = { input: { ...(token !== undefined && { token }), ...Object.fromEntries(typed) } };
  const prepared = await prepare({ client, connectionLimiter, connection, authorization: null }, { query: mutation, variables });
  const { errors: [error] = [], data } = 'args' in prepared ? await prepared.execute(prepared.args) : { errors: prepared, data: null };
  if (error) return toFormErrors(error, form);
  const { title, says } = done(data?.done as Record<string, unknown>);
  return layout(styles.answer, title, title, says);
}

/** For a link that is good for nothing any more. */
function spent(path: string, forms: readonly Form[], { whole = '' }: FormErrors): Html {
  const again = forms.find(({ tokenParam }) => tokenParam === undefined);
  return layout(styles.answer, 'Error: The link does not work', 'The link does not work', [
    html`<p class="fault" role="alert">${whole}</p>`,
    html`${again && html`<p><a href="${path.slice(1)}">Ask for a new letter</a></p>`}`,
  ]);
}

function send(response: EndpointRequest['response'], status: number, page: Html, wait?: string) {
  sendHtml(response, status, page, { 'content-security-policy': policy, ...(wait && { 'retry-after': wait }) });
}
