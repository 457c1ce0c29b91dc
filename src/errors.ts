import { GraphQLError, type GraphQLErrorExtensions } from 'graphql';

/** Every way to fail: its code, what the client reads, and the HTTP status where the whole request fails. */
export const errors = {
  UNAUTHENTICATED: ['Sign in first.', 401],
  TOKEN_EXPIRED: ['The token has expired.', 401],
  TOKEN_REVOKED: ['The token was revoked.', 401],
  FORBIDDEN: ['You may not do this.', 403],
  NOT_FOUND: ['There is no such thing, or you may not know of it.', 404],
  INVALID_INPUT: ['The input is not valid.', 400],
  INVALID_CREDENTIALS: ['The e-mail address, the username or the password is wrong.', 401],
  ACCOUNT_DISABLED: ['The account is disabled.', 401],
  EMAIL_NOT_CONFIRMED: ['The e-mail address is not confirmed yet.', 403],
  DOMAIN_ACCESS_DENIED: ['The account has no access to this domain.', 403],
  INVALID_TOKEN: ['The token is not valid.', 401],
  TOKEN_REUSED: ['The token was used before; its session has ended.', 401],
  REAUTHENTICATION_REQUIRED: ['Prove again who you are, by reauthenticate.', 401],
  TAKEN: ['This is taken already.', 409],
  LAST_SUPERADMIN: ['The last superadmin must stay.', 409],
  SELF_ACTION_FORBIDDEN: ['Nobody does this to themselves.', 403],
  RATE_LIMITED: ['Too many attempts; wait a while.', 429],
  QUERY_TOO_COMPLEX: ['The operation asks for too much.', 400],
  CURSOR_EXPIRED: ['The cursor is too old.', 410],
  UNAVAILABLE: ['The server cannot answer now; try again.', 503],
  INTERNAL: ['Something went wrong on our side.', 500],
} as const satisfies Record<string, readonly [sentence: string, status: number]>;

export type ErrorCode = keyof typeof errors;

/** The error with this code, to be thrown. `extensions` are shown to the client: never put input values or internals there. */
export function graphqlError(code: ErrorCode, extensions: GraphQLErrorExtensions = {}): GraphQLError {
  return new GraphQLError(errors[code][0], { extensions: { code, ...extensions } });
}

/** The error that refuses a whole request, with its HTTP status. */
export function requestError(code: ErrorCode, headers: Record<string, string> = {}): GraphQLError {
  const status = errors[code][1];
  return graphqlError(code, { http: { status, headers: status === 401 ? { 'www-authenticate': 'Bearer', ...headers } : headers } }); // RFC 6750 §3
}

/** An input fault: what is wrong with which field of the input. */
export function validationError(fields: Record<string, string[]>): GraphQLError {
  return graphqlError('INVALID_INPUT', { fields });
}

export const codeOf = (error: unknown) => (error instanceof GraphQLError ? (error.extensions.code as ErrorCode | undefined) : undefined);

/** What an error of the database means to the client; undefined when it means nothing to it. */
export function errorCodeFromDatabase(error: unknown): ErrorCode | undefined {
  for (const code of codesOf(error)) {
    if (code in databaseErrors) return databaseErrors[code];
    if (/^(?:08|57P)\w+$/.test(code)) return 'UNAVAILABLE'; // connection exceptions, and the server's own going down
  }
  return /terminated|timeout exceeded|read timeout|not queryable|Can't reach database/i.test(String((error as Error | null)?.message))
    ? 'UNAVAILABLE'
    : undefined;
}

interface Cause {
  readonly kind?: unknown;
  readonly originalCode?: unknown;
}

/** Prisma's code of an error, and under it the one of PostgreSQL or of the operating system; a connection that closed has only a kind. */
function codesOf(error: unknown): string[] {
  const { code, cause, meta } = (error ?? {}) as { code?: unknown; cause?: Cause; meta?: { driverAdapterError?: { cause?: Cause } } };
  const under = meta?.driverAdapterError?.cause ?? cause;
  return [under?.originalCode, under?.kind, code].filter((one) => typeof one === 'string');
}

const databaseErrors: Record<string, ErrorCode> = {
  P2002: 'TAKEN',
  P2025: 'NOT_FOUND',
  P2024: 'UNAVAILABLE',
  P2028: 'UNAVAILABLE',
  P2034: 'UNAVAILABLE',
  P1001: 'UNAVAILABLE',
  P1002: 'UNAVAILABLE',
  P1008: 'UNAVAILABLE',
  P1017: 'UNAVAILABLE',
  P2037: 'UNAVAILABLE',
  '23505': 'TAKEN',
  '25006': 'UNAVAILABLE',
  '25P03': 'UNAVAILABLE',
  '40001': 'UNAVAILABLE',
  '40P01': 'UNAVAILABLE',
  '53300': 'UNAVAILABLE',
  '55P03': 'UNAVAILABLE',
  '57014': 'UNAVAILABLE',
  ConnectionClosed: 'UNAVAILABLE',
  DatabaseNotReachable: 'UNAVAILABLE',
  SocketTimeout: 'UNAVAILABLE',
  EAI_AGAIN: 'UNAVAILABLE',
  ECONNREFUSED: 'UNAVAILABLE',
  ECONNRESET: 'UNAVAILABLE',
  EHOSTUNREACH: 'UNAVAILABLE',
  ENOTFOUND: 'UNAVAILABLE',
  EPIPE: 'UNAVAILABLE',
  ETIMEDOUT: 'UNAVAILABLE',
};

/** Whether a transaction failed only because it met another one, and may be tried again (security.md 23.4). */
export const isSerializationFailure = (error: unknown) => codesOf(error).some((code) => ['P2034', '40001', '40P01'].includes(code));
