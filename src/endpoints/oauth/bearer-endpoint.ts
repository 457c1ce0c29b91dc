import { known } from '../../policy/evaluators.ts';
import { print, type Rule } from '../../authorization/rules/rule.ts';
import type { Viewer } from '../../identity/viewer.ts';
import { authenticate } from '../../graphql/authenticate.ts';
import { readText, type Unread } from '../../transport/http/read-body.ts';
import type { Context } from '../../graphql/context.ts';
import type { Endpoint, Exchange } from '../../transport/http/endpoint.ts';
import { failure } from '../../errors.ts';
import { readForm } from '../../transport/http/parse-form.ts';
import { sendFailure, sendFault } from './oauth-error.ts';

/** A context in which somebody is asking. */
export type Asking = Context & { readonly viewer: Viewer };

type Answer = (asking: Asking, exchange: Exchange, text: string) => Promise<void>;

/** Which bodies are taken: their `content-type`, and at most how many bytes of UTF-8. */
export interface Bodies {
  readonly types: RegExp;
  readonly most: number;
}

/** What a program asks by `POST` with a bearer token, if the rule, which depends on the viewer alone, is met. */
export function asked(access: Rule, { types, most }: Bodies, answer: Answer): Endpoint {
  return answered('POST', access, async (asking, exchange) => {
    const text = await readText(exchange.request, types, most);
    if (typeof text === 'string') await answer(asking, exchange, text);
    else refuseUnread(exchange, text);
  });
}

/** What is answered to a bearer token, if the rule, which depends on the viewer alone, is met. */
export function answered(
  method: Endpoint['method'],
  access: Rule,
  answer: (asking: Asking, exchange: Exchange) => Promise<void>,
): Endpoint {
  const attempt = async (exchange: Exchange) => {
    const asking = await admitted(exchange, access);
    if (asking) await answer(asking, exchange);
  };
  return { method, access, answer: (exchange) => attempt(exchange).catch((error) => sendFailure(exchange.response, error)) };
}

/** The same with the parameters of a form, `token` among them (RFC 7009 §2.1, RFC 7662 §2.1). */
export const askedOfToken = (access: Rule, answer: (asking: Asking, exchange: Exchange, token: string) => Promise<void>) =>
  asked(access, forms, async (asking, exchange, text) => {
    const token = readForm(text)?.get('token');
    if (token === undefined)
      return sendFault(exchange.response, 400, 'invalid_request', 'A form with each parameter once, and with a token.');
    await answer(asking, exchange, token);
  });

// A token of at most 4 KiB, percent-encoded.
const forms: Bodies = { types: /^application\/x-www-form-urlencoded(?: *; *charset=utf-8)?$/i, most: 16 * 1024 };

/** Who is asking; undefined when they were refused and answered. */
async function admitted({ ground, client, request, response }: Exchange, access: Rule): Promise<Asking | undefined> {
  // A token that stands in the URL stands in the logs on the way (RFC 6750 §5.3).
  if (request.url?.includes('?'))
    return sendFault(response, 400, 'invalid_request', 'Nothing of a request stands in its URL.') as undefined;
  const context = await authenticate(ground, client, request.headers.authorization ?? null);
  if (!context.viewer) throw failure('UNAUTHENTICATED');
  if (known(access, context.viewer) === true) return context as Asking;
  return sendFault(response, 403, 'insufficient_scope', `This needs ${print(access)}.`) as undefined;
}

function refuseUnread({ response }: Exchange, [status]: Unread) {
  sendFault(response, status, 'invalid_request', 'The type or the size of the body.');
}
