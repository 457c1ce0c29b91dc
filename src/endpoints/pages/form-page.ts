import { readText } from '../../transport/http/read-body.ts';
import type { Stream } from '../../graphql/execution/connection.ts';
import { type Endpoint, type Exchange, sendHtml } from '../../transport/http/endpoint.ts';
import { readForm } from '../../transport/http/parse-form.ts';
import { type Html, html } from '../../lib/html.ts';
import { type Faults, faultsOf, missingIn } from './form-errors.ts';
import type { Form } from './form.ts';
import { layout, policy, styles } from './layout.ts';
import { showForm } from './render-form.ts';

const types = /^application\/x-www-form-urlencoded(?: *; *charset=utf-8)?$/i;
const most = 16 * 1024; // bytes: a password, a name and an address as long as they may be, percent-encoded

/** A page that a letter links to. Opening it changes nothing, for programs that read mail open links too; sending its form does. */
export const linkPage = (path: string, forms: readonly Form[]): Endpoint => ({
  method: 'GET, POST',
  answer: (exchange) => (exchange.request.method === 'GET' ? open(exchange, path, forms) : receive(exchange, path, forms)),
});

function open({ ground, request, response }: Exchange, path: string, forms: readonly Form[]) {
  const given = new URLSearchParams(request.url?.split(/\?(.*)/s)[1]);
  const form = forms.find(({ by }) => by === undefined || given.get(by));
  if (!form) return send(response, 400, incomplete);
  send(response, 200, showForm({ path, form, given: new Map(form.by ? [[form.by, given.get(form.by) ?? '']] : []) }, ground.config));
}

const incomplete = layout(styles.opened, 'The link is not complete', 'The link is not complete', [
  html`<p>Open the link in the letter once more, or copy its whole address.</p>`,
]);

async function receive(exchange: Exchange, path: string, forms: readonly Form[]): Promise<void> {
  const { door, request, response, ground } = exchange;
  // A browser that tells nobody where it comes from, as these pages ask it to, sends `Origin: null`. So may a page of anybody: it has no
  // token of a link, and there is no cookie that would lend it one.
  if (request.headers.origin !== 'null' && !door.admits(request)) return door.refuse(response, 403, 'FORBIDDEN');
  const text = await readText(request, types, most);
  if (typeof text !== 'string') return door.refuse(response, ...text);
  const given = readForm(text);
  const form = given && forms.find(({ by }) => by === undefined || given.has(by));
  if (!form) return send(response, 400, incomplete);
  const bare = form.without !== undefined && given.has('without');
  const outcome =
    (bare ? undefined : missingIn(form, given)) ?? (await perform(exchange, form, bare ? new Map() : given, given.get(form.by ?? '')));
  if (!('fields' in outcome)) return send(response, 200, outcome);
  const shown =
    outcome.code === 'INVALID_TOKEN' ? spent(path, forms, outcome) : showForm({ path, form, given, faults: outcome }, ground.config);
  send(response, outcome.status, shown, outcome.wait);
}

/** Does the mutation by the way of every operation; answers what to show then, or what was wrong. */
async function perform(
  { client, census, prepare, response }: Exchange,
  form: Form,
  given: ReadonlyMap<string, string>,
  token: string | undefined,
): Promise<Html | Faults> {
  const { fields, mutation, done } = form;
  const connection = Object.assign(response, { streams: new Set<Stream>() });
  const typed = fields.flatMap(({ name }) => (given.has(name) ? [[name, given.get(name)]] : []));
  const variables = { input: { ...(token !== undefined && { token }), ...Object.fromEntries(typed) } };
  const prepared = await prepare({ client, census, connection, authorization: null }, { query: mutation, variables });
  const { errors: [error] = [], data } = 'args' in prepared ? await prepared.execute(prepared.args) : { errors: prepared, data: null };
  if (error) return faultsOf(error, form);
  const { title, says } = done(data?.done as Record<string, unknown>);
  return layout(styles.answer, title, title, says);
}

/** For a link that is good for nothing any more. */
function spent(path: string, forms: readonly Form[], { whole = '' }: Faults): Html {
  const again = forms.find(({ by }) => by === undefined);
  return layout(styles.answer, 'Error: The link does not work', 'The link does not work', [
    html`<p class="fault" role="alert">${whole}</p>`,
    html`${again && html`<p><a href="${path.slice(1)}">Ask for a new letter</a></p>`}`,
  ]);
}

function send(response: Exchange['response'], status: number, page: Html, wait?: string) {
  sendHtml(response, status, page, { 'content-security-policy': policy, ...(wait && { 'retry-after': wait }) });
}
