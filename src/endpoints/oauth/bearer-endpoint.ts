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
export const bearerEndpoint = (
  method: Endpoint['method'],
  access: Rule,
  respond: (context: AuthenticatedContext, exchange: EndpointRequest) => Promise<void>,
): Endpoint => ({
  method,
  access,
  respond: (exchange) =>
    sendingErrors(exchange, async () => {
      if (hasQuery(exchange)) return;
      const context = await authenticateRequest(exchange);
      if (satisfies(context, access)) await respond(context, exchange);
      else reject(exchange, context, access);
    }),
});

/** Like `bearerEndpoint`, for POST requests with a body. */
export function bearerPost(
  access: Rule,
  options: BodyOptions,
  respond: (context: AuthenticatedContext, exchange: EndpointRequest, body: string) => Promise<void>,
): Endpoint {
  return bearerEndpoint('POST', access, async (context, exchange) => {
    const body = await readAllowedBody(exchange, options);
    if (body !== undefined) await respond(context, exchange, body);
  });
}

/** What an endpoint does for a caller who does not satisfy its rule: for a public client (RFC 7009 §5), or with the session of a user. */
interface PublicUse {
  accepts(token: string): boolean;
  respond(context: Context, exchange: EndpointRequest, token: string): Promise<void>;
}

/** Like `bearerPost`, for a form with the parameter `token` (RFC 7009 §2.1, RFC 7662 §2.1). */
export const tokenParameterEndpoint = (
  access: Rule,
  respond: (context: AuthenticatedContext, exchange: EndpointRequest, token: string) => Promise<void>,
  publicUse?: PublicUse,
): Endpoint => ({
  method: 'POST',
  workload: 'authentication',
  access,
  respond: (exchange) =>
    sendingErrors(exchange, async () => {
      if (hasQuery(exchange)) return;
      const context = await authenticateRequest(exchange);
      const isAllowed = satisfies(context, access);
      if (!isAllowed && !publicUse) return reject(exchange, context, access);
      const body = await readAllowedBody(exchange, formBody);
      if (body === undefined) return;
      const token = parseForm(body)?.get('token');
      if (!isAllowed && token !== undefined && publicUse?.accepts(token)) return publicUse.respond(context, exchange, token);
      if (!isAllowed) return reject(exchange, context, access);
      if (token !== undefined) return respond(context, exchange, token);
      sendOAuthError(exchange.response, 400, 'invalid_request', 'Send a form with the parameter `token`; no parameter may be repeated.');
    }),
});

async function sendingErrors({ response }: EndpointRequest, respond: () => Promise<void>): Promise<void> {
  try {
    await respond();
  } catch (error) {
    sendGraphqlErrorAsOAuth(response, error);
  }
}

/** True if the request was rejected: a token in the URL would be logged by proxies (RFC 6750 §5.3). */
function hasQuery({ request, response }: EndpointRequest): boolean {
  if (!request.url?.includes('?')) return false;
  sendOAuthError(response, 400, 'invalid_request', 'Send parameters in the body, not in the URL.');
  return true;
}

/** The body; undefined if the request was rejected. */
async function readAllowedBody({ request, response }: EndpointRequest, { contentType, maxBytes }: BodyOptions) {
  const body = await readBody(request, contentType, maxBytes);
  if (typeof body === 'string') return body;
  sendOAuthError(response, body.status, 'invalid_request', bodyErrors[body.status] ?? 'Invalid body.');
  return undefined;
}

async function authenticateRequest(exchange: EndpointRequest): Promise<Context> {
  const context = await authenticate(exchange.services, exchange, exchange.request.headers.authorization ?? null);
  exchange.seen.caller = { userId: context.viewer?.user.id, tokenId: context.viewer?.token.id };
  return context;
}

const satisfies = (context: Context, access: Rule): context is AuthenticatedContext =>
  context.viewer !== null && evaluateInMemory(access, context.viewer) === true;

function reject({ response }: EndpointRequest, { viewer }: Context, access: Rule) {
  if (!viewer) throw graphqlError('UNAUTHENTICATED');
  sendOAuthError(response, 403, 'insufficient_scope', `Requires ${print(access)}.`);
}
