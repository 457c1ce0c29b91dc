import { print, type Rule } from '../../authorization/rules/rule.ts';
import { graphqlError } from '../../errors.ts';
import { authenticate } from '../../graphql/authenticate.ts';
import type { Context } from '../../graphql/context.ts';
import type { Viewer } from '../../identity/viewer.ts';
import { evaluateInMemory } from '../../policy/policy.ts';
import type { Endpoint, EndpointRequest } from '../../transport/http/endpoint.ts';
import { parseForm } from '../../transport/http/parse-form.ts';
import { readBody } from '../../transport/http/read-body.ts';
import { sendGraphqlErrorAsOAuth, sendOAuthError } from './oauth-error.ts';

/** The context of an authenticated request. */
export type AuthenticatedContext = Context & { readonly viewer: Viewer };

/** Which bodies an endpoint accepts. */
export interface BodyOptions {
  readonly contentType: RegExp;
  readonly maxBytes: number;
}

// A token of at most 4 KiB, percent-encoded.
const formBody: BodyOptions = { contentType: /^application\/x-www-form-urlencoded(?: *; *charset=utf-8)?$/i, maxBytes: 16 * 1024 };

const bodyErrors: Record<number, string> = {
  400: 'The body must be UTF-8.',
  413: 'The body is too large.',
  415: 'Unsupported content type or content encoding.',
};

/** An endpoint for bearer tokens whose viewer satisfies the rule, which may depend on the viewer only. */
export function bearerEndpoint(
  method: Endpoint['method'],
  access: Rule,
  respond: (context: AuthenticatedContext, exchange: EndpointRequest) => Promise<void>,
): Endpoint {
  return {
    method,
    access,
    async respond(exchange) {
      try {
        const context = await authorize(exchange, access);
        if (context) await respond(context, exchange);
      } catch (error) {
        sendGraphqlErrorAsOAuth(exchange.response, error);
      }
    },
  };
}

/** Like `bearerEndpoint`, for POST requests with a body. */
export function bearerPost(
  access: Rule,
  { contentType, maxBytes }: BodyOptions,
  respond: (context: AuthenticatedContext, exchange: EndpointRequest, body: string) => Promise<void>,
): Endpoint {
  return bearerEndpoint('POST', access, async (context, exchange) => {
    const body = await readBody(exchange.request, contentType, maxBytes);
    if (typeof body === 'string') return respond(context, exchange, body);
    sendOAuthError(exchange.response, body.status, 'invalid_request', bodyErrors[body.status] ?? 'Invalid body.');
  });
}

/** Like `bearerPost`, for a form with the parameter `token` (RFC 7009 §2.1, RFC 7662 §2.1). */
export function tokenParameterEndpoint(
  access: Rule,
  respond: (context: AuthenticatedContext, exchange: EndpointRequest, token: string) => Promise<void>,
): Endpoint {
  return bearerPost(access, formBody, async (context, exchange, body) => {
    const token = parseForm(body)?.get('token');
    if (token !== undefined) return respond(context, exchange, token);
    sendOAuthError(exchange.response, 400, 'invalid_request', 'Send a form with the parameter `token`; no parameter may be repeated.');
  });
}

/** Authenticates the request and checks the rule; undefined if the request was rejected. */
async function authorize(exchange: EndpointRequest, access: Rule): Promise<AuthenticatedContext | undefined> {
  const { services, request, response } = exchange;
  // A token in the URL would be logged by proxies (RFC 6750 §5.3).
  if (request.url?.includes('?')) {
    sendOAuthError(response, 400, 'invalid_request', 'Send parameters in the body, not in the URL.');
    return undefined;
  }
  const context = await authenticate(services, exchange, request.headers.authorization ?? null);
  if (!context.viewer) throw graphqlError('UNAUTHENTICATED');
  if (evaluateInMemory(access, context.viewer) === true) return context as AuthenticatedContext;
  sendOAuthError(response, 403, 'insufficient_scope', `Requires ${print(access)}.`);
  return undefined;
}
