import { VerifierError } from './verifier-error.ts';

/** The subscription, the same for both transports. */
export const query = 'subscription Follow($after: String) { tokenRevoked(all: true, after: $after) { cursor sid } }';

/** A message of the stream: a revoked session, or a heartbeat that says that everything up to the cursor was sent. */
export type StreamMessage =
  | { readonly cursor: string; readonly sid: string }
  | { readonly cursor: string; readonly age: number; readonly keys: string };

/** Parses a result of the subscription. Throws the error that it contains. */
export function parseEvent(result: unknown): StreamMessage {
  const { data, errors } = (result ?? {}) as { data?: { tokenRevoked?: { cursor?: unknown; sid?: unknown } } | null; errors?: unknown };
  if (errors !== undefined) throw errorOf(errors);
  const { cursor, sid } = data?.tokenRevoked ?? {};
  if (!isText(cursor) || !isText(sid)) throw new VerifierError('ERR_STREAM_INVALID');
  return { cursor, sid };
}

export function parseHeartbeat(payload: unknown): StreamMessage {
  const { cursor, age, keys } = (payload ?? {}) as { cursor?: unknown; age?: unknown; keys?: unknown };
  if (!isText(cursor) || !isText(keys) || typeof age !== 'number' || !(age >= 0)) throw new VerifierError('ERR_STREAM_INVALID');
  return { cursor, age, keys };
}

const rejectsToken = /^(?:UNAUTHENTICATED|INVALID_TOKEN|TOKEN_\w+|FORBIDDEN|INSUFFICIENT_\w+)$/;

/** The GraphQL errors of the server as an error of this package. */
export function errorOf(errors: unknown): VerifierError {
  const code = Array.isArray(errors) ? (errors[0] as { extensions?: { code?: unknown } } | null)?.extensions?.code : undefined;
  const printable = typeof code === 'string' && /^\w{1,64}$/.test(code) ? code : 'no code';
  if (rejectsToken.test(printable)) return new VerifierError('ERR_REFUSED', printable);
  // A cursor that the server cannot read is of no more use than one that is too old.
  if (printable === 'CURSOR_EXPIRED' || printable === 'INVALID_INPUT') return new VerifierError('ERR_CURSOR_EXPIRED', printable);
  return new VerifierError('ERR_UNREACHABLE', printable);
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '' && value.length <= 1_024;
