import { VerifierError } from './verifier-error.ts';

/** Both transports ask for the same. */
export const query = 'subscription Follow($after: String) { tokenRevoked(all: true, after: $after) { cursor sid } }';

/** What is told on a stream: that a session ended, or that all up to a cursor has been told. */
export type Message =
  | { readonly cursor: string; readonly sid: string }
  | { readonly cursor: string; readonly age: number; readonly keys: string };

/** A result of the subscription as a message. Throws what it says in place of one. */
export function eventOf(result: unknown): Message {
  const { data, errors } = (result ?? {}) as { data?: { tokenRevoked?: { cursor?: unknown; sid?: unknown } } | null; errors?: unknown };
  if (errors !== undefined) throw complaint(errors);
  const { cursor, sid } = data?.tokenRevoked ?? {};
  if (!isText(cursor) || !isText(sid)) throw new VerifierError('ERR_STREAM_INVALID');
  return { cursor, sid };
}

/** A beat as a message. */
export function beatOf(said: unknown): Message {
  const { cursor, age, keys } = (said ?? {}) as { cursor?: unknown; age?: unknown; keys?: unknown };
  if (!isText(cursor) || !isText(keys) || typeof age !== 'number' || !(age >= 0)) throw new VerifierError('ERR_STREAM_INVALID');
  return { cursor, age, keys };
}

const refusing = /^(?:UNAUTHENTICATED|INVALID_TOKEN|TOKEN_\w+|FORBIDDEN|INSUFFICIENT_\w+)$/;

/** What the server complains of, as an error of ours. */
export function complaint(errors: unknown): VerifierError {
  const code = Array.isArray(errors) ? (errors[0] as { extensions?: { code?: unknown } } | null)?.extensions?.code : undefined;
  const said = typeof code === 'string' && /^\w{1,64}$/.test(code) ? code : 'no code';
  if (refusing.test(said)) return new VerifierError('ERR_REFUSED', said);
  // A cursor that it cannot read is of no more use than one that is too old.
  if (said === 'CURSOR_EXPIRED' || said === 'INVALID_INPUT') return new VerifierError('ERR_CURSOR_EXPIRED', said);
  return new VerifierError('ERR_UNREACHABLE', said);
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '' && value.length <= 1_024;
