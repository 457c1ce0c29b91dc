import { print, type Rule } from '../../authorization/rules/rule.ts';
import { graphqlError } from '../../errors.ts';
import { authenticate } from '../../graphql/authenticate.ts';
import type { Context } from '../../graphql/context.ts';
import type { Viewer } from '../../identity/viewer.ts';
import { evaluateInMemory } from '../../policy/evaluators.ts';
import type { Endpoint, EndpointRequest } from '../../transport/http/endpoint.ts';
import { parseForm } from '../../transport/http/parse-form.ts';
import { type BodyRejection, readBody } from '../../transport/http/read-body.ts';
import { sendGraphqlErrorAsOAuth, sendOAuthError } from './oauth-error.ts';

/** A context in which somebody is asking. */
export type AuthenticatedContext = Context & { readonly viewer: Viewer };

type Answer = (asking: AuthenticatedContext, exchange: EndpointRequest, text: string) => Promise<void>;

/** Which bodies are taken: their `content-type`, and at most how many bytes of UTF-8. */
export interface BodyOptions {
  readonly types: RegExp;
  readonly maxBytes: number;
}

/** What a program asks by `POST` with a bearer token, if the rule, which depends on the viewer alone, is met. */
export function bearerPost(access: Rule, { types, maxBytes }: BodyOptions, answer: Answer): Endpoint {
  return bearerEndpoint('POST', access, async (asking, exchange) => {
    const text = await readBody(exchange.request, types, maxBytes);
    if (typeof text === 'string') await answer(asking, exchange, text);
    else refuseUnread(exchange, text);
  });
}

/** What is answered to a bearer token, if the rule, which depends on the viewer alone, is met. */
export function bearerEndpoint(
  method: Endpoint['method'],
  access: Rule,
  answer: (asking: AuthenticatedContext, exchange: EndpointRequest) => Promise<void>,
): Endpoint {
  const attempt = async (exchange: EndpointRequest) => {
    const asking = await admitted(exchange, access);
    if (asking) await answer(asking, exchange);
  };
  return { method, access, answer: (exchange) => attempt(exchange).catch((error) => sendGraphqlErrorAsOAuth(exchange.response, error)) };
}

/** The same with the parameters of a form, `token` among them (RFC 7009 §2.1, RFC 7662 §2.1). */
export const tokenParameterEndpoint = (
  access: Rule,
  answer: (asking: AuthenticatedContext, exchange: EndpointRequest, token: string) => Promise<void>,
) =>
  bearerPost(access, forms, async (asking, exchange, text) => {
    const token = parseForm(text)?.get('token');
    if (token === undefined)
      return sendOAuthError(exchange.response, 400, 'invalid_request', 'A form with each parameter once, and with a token.');
    await answer(asking, exchange, token);
  });

// A token of at most 4 KiB, percent-encoded.
const forms: BodyOptions = { types: /^application\/x-www-form-urlencoded(?: *; *charset=utf-8)?$/i, maxBytes: 16 * 1024 };

/** Who is asking; undefined when they were refused and answered. */
async function admitted(exchange: EndpointRequest, access: Rule): Promise<AuthenticatedContext | undefined> {
  const { services, request, response } = exchange;
  // A token that stands in the URL stands in the logs on the way (RFC 6750 §5.3).
  if (request.url?.includes('?'))
    return sendOAuthError(response, 400, 'invalid_request', 'Nothing of a request stands in its URL.') as undefined;
  const context = await authenticate(services, exchange, request.headers.authorization ?? null);
  if (!context.viewer) throw graphqlError('UNAUTHENTICATED');
  if (evaluateInMemory(access, context.viewer) === true) return context as AuthenticatedContext;
  return sendOAuthError(response, 403, 'insufficient_scope', `This needs ${print(access)}.`) as undefined;
}

function refuseUnread({ response }: EndpointRequest, [status]: BodyRejection) {
  sendOAuthError(response, status, 'invalid_request', 'The type or the size of the body.');
}
