import type { ServerResponse } from 'node:http';
import { codeOf, type ErrorCode, errorCodeFromDatabase, errors } from '../../errors.ts';
import { sendJson } from '../../transport/http/endpoint.ts';

/** Why a request is refused, in the words of RFC 6749 §5.2 and RFC 6750 §3.1. */
export type OAuthErrorBody = 'invalid_request' | 'invalid_client' | 'insufficient_scope' | 'temporarily_unavailable';

const challenges: Partial<Record<OAuthErrorBody, string>> = {
  invalid_client: 'Bearer error="invalid_token"',
  insufficient_scope: 'Bearer error="insufficient_scope"',
};

/** Refuses a request. What was not read of it stays unread: the connection ends with the answer. */
export function sendOAuthError(
  response: ServerResponse,
  status: number,
  error: OAuthErrorBody,
  description: string,
  headers: Record<string, string> = {},
) {
  const challenge = challenges[error];
  const all = { connection: 'close', ...(challenge && { 'www-authenticate': challenge }), ...headers };
  sendJson(response, status, { error, error_description: description }, all);
}

interface Http {
  readonly headers: Record<string, string>;
}

/** Refuses a request for what was thrown. Throws again what nobody foresaw. */
export function sendGraphqlErrorAsOAuth(response: ServerResponse, error: unknown) {
  const code = codeOf(error) ?? errorCodeFromDatabase(error);
  if (code === undefined) throw error;
  const { message: description, status } = errors[code];
  const { 'retry-after': retryAfter } = (error as { extensions?: { http?: Http } }).extensions?.http?.headers ?? {};
  sendOAuthError(response, status, faultOf(code, status), description, retryAfter === undefined ? {} : { 'retry-after': retryAfter });
}

function faultOf(code: ErrorCode, status: number): OAuthErrorBody {
  if (code === 'RATE_LIMITED' || code === 'UNAVAILABLE') return 'temporarily_unavailable';
  return status === 401 ? 'invalid_client' : 'invalid_request';
}
