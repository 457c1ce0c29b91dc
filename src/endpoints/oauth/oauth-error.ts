import type { ServerResponse } from 'node:http';
import type { GraphQLError } from 'graphql';
import { codeOf, type ErrorCode, errorCodeFromDatabase, errors, requestErrorFor } from '../../errors.ts';
import { sendJson } from '../../transport/http/endpoint.ts';

/** The error codes of RFC 6749 §5.2 and RFC 6750 §3.1 that the endpoints use. */
type OAuthErrorCode = 'invalid_request' | 'invalid_client' | 'insufficient_scope' | 'temporarily_unavailable';

const challenges: Partial<Record<OAuthErrorCode, string>> = {
  invalid_client: 'Bearer error="invalid_token"',
  insufficient_scope: 'Bearer error="insufficient_scope"',
};

/** Rejects a request. The rest of it is not read, so the connection cannot be reused. */
export function sendOAuthError(
  response: ServerResponse,
  status: number,
  error: OAuthErrorCode,
  description: string,
  extraHeaders: Record<string, string> = {},
) {
  const challenge = challenges[error];
  const headers = { connection: 'close', ...(challenge && { 'www-authenticate': challenge }), ...extraHeaders };
  sendJson(response, status, { error, error_description: description }, headers);
}

interface HttpExtension {
  readonly headers: Record<string, string>;
}

/** Rejects a request with an error of the API. Rethrows an unexpected one. */
export function sendGraphqlErrorAsOAuth(response: ServerResponse, error: unknown) {
  const code = codeOf(error) ?? errorCodeFromDatabase(error);
  if (code === undefined) throw error;
  const { message, status } = errors[code];
  const { http } = (codeOf(error) ? (error as GraphQLError) : requestErrorFor(code)).extensions as { http?: HttpExtension };
  const retryAfter = http?.headers['retry-after'];
  sendOAuthError(response, status, toOAuthErrorCode(code, status), message, retryAfter === undefined ? {} : { 'retry-after': retryAfter });
}

function toOAuthErrorCode(code: ErrorCode, status: number): OAuthErrorCode {
  if (code === 'RATE_LIMITED' || code === 'UNAVAILABLE') return 'temporarily_unavailable';
  return status === 401 ? 'invalid_client' : 'invalid_request';
}
