import { GraphQLError, type GraphQLErrorExtensions } from 'graphql';

interface ErrorDefinition {
  /** What is wrong and, where the client can act, what to do. */
  readonly message: string;
  /** The HTTP status if the whole request fails. */
  readonly status: number;
}

/** Every error code, with its message and HTTP status. */
export const errors = {
  UNAUTHENTICATED: { message: 'Authentication required.', status: 401 },
  TOKEN_EXPIRED: { message: 'The token has expired. Refresh the session or log in again.', status: 401 },
  TOKEN_REVOKED: { message: 'The token was revoked. Log in again.', status: 401 },
  FORBIDDEN: { message: 'You do not have permission to do this.', status: 403 },
  NOT_FOUND: { message: 'Not found, or not visible to you.', status: 404 },
  INVALID_INPUT: { message: 'The input is invalid.', status: 400 },
  // One message for both, so that registering and then logging in does not show whether an address was free (security.md 3.8).
  INVALID_CREDENTIALS: {
    message:
      'Wrong email address, username or password, or the email address is not confirmed. If you have just registered, open the confirmation email first.',
    status: 401,
  },
  ACCOUNT_DISABLED: { message: 'The account is disabled. Contact an administrator.', status: 401 },
  DOMAIN_ACCESS_DENIED: { message: 'The account has no access to this domain.', status: 403 },
  INVALID_TOKEN: { message: 'The token, link or code is invalid or has already been used.', status: 401 },
  TOKEN_REUSED: { message: 'The refresh token was already used. The session was revoked; log in again.', status: 401 },
  REAUTHENTICATION_REQUIRED: { message: 'Recent authentication required; call `reauthenticate`.', status: 401 },
  TAKEN: { message: 'Already taken. Choose another one.', status: 409 },
  LAST_SUPERADMIN: { message: 'At least one superadmin must remain. Grant SUPERADMIN to another user first.', status: 409 },
  SELF_ACTION_FORBIDDEN: { message: 'You cannot do this to your own account.', status: 403 },
  RATE_LIMITED: { message: 'Too many attempts. Try again later.', status: 429 },
  QUERY_TOO_COMPLEX: { message: 'The operation exceeds a query limit. See `limit`.', status: 400 },
  CURSOR_EXPIRED: { message: 'The cursor has expired. Continue from the `oldest` cursor.', status: 410 },
  UNAVAILABLE: {
    message: 'The service is temporarily unavailable. Before repeating a mutation, check whether it took effect.',
    status: 503,
  },
  INTERNAL: { message: 'Internal server error. Report `errorId`.', status: 500 },
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof errors;

/** Creates the error with this code, to be thrown. `extensions` reach the client: never put input values or internals there. */
export function graphqlError(code: ErrorCode, extensions: GraphQLErrorExtensions = {}): GraphQLError {
  return new GraphQLError(errors[code].message, { extensions: { code, ...extensions } });
}

/** Creates the error that rejects a whole request with its HTTP status. */
export function requestError(code: ErrorCode, headers: Record<string, string> = {}): GraphQLError {
  const { status } = errors[code];
  return graphqlError(code, { http: { status, headers: status === 401 ? { 'www-authenticate': 'Bearer', ...headers } : headers } }); // RFC 6750 §3
}

/** Creates the error for a code of `errorCodeFromDatabase`. One that is temporary tells the client when to try again. */
export const requestErrorFor = (code: ErrorCode) =>
  code === 'UNAVAILABLE' ? requestError(code, { 'retry-after': '1' }) : graphqlError(code);

/** Creates the error for invalid input: the faults of each field, each starting with "must". */
export function validationError(fields: Record<string, string[]>): GraphQLError {
  return new GraphQLError(`${errors.INVALID_INPUT.message} See \`fields\`.`, { extensions: { code: 'INVALID_INPUT', fields } });
}

export const codeOf = (error: unknown) => (error instanceof GraphQLError ? (error.extensions.code as ErrorCode | undefined) : undefined);

/** Maps an error of the database to the code the client gets; undefined if it is an internal error. */
export function errorCodeFromDatabase(error: unknown): ErrorCode | undefined {
  for (const code of codesOf(error)) {
    if (code in databaseErrors) return databaseErrors[code];
    if (unavailable.test(code)) return 'UNAVAILABLE';
  }
  return /terminated|timeout exceeded|read timeout|not queryable|Can't reach database/i.test(String((error as Error | null)?.message))
    ? 'UNAVAILABLE'
    : undefined;
}

/**
 * Classes of SQLSTATE that the operator of the database has to mend, or that end by themselves: connection exception, invalid authorization,
 * insufficient resources, operator intervention, system error; no such database, and no privilege.
 */
const unavailable = /^(?:(?:08|28|53|58)\w{3}|57P\w{2}|3D000|42501)$/;

interface Cause {
  readonly kind?: unknown;
  readonly originalCode?: unknown;
}

/** The codes of an error: PostgreSQL's or the operating system's, then Prisma's. A closed connection has only a `kind`. */
function codesOf(error: unknown): string[] {
  const { code, cause, meta } = (error ?? {}) as { code?: unknown; cause?: Cause; meta?: { driverAdapterError?: { cause?: Cause } } };
  const root = meta?.driverAdapterError?.cause ?? cause;
  return [root?.originalCode, root?.kind, code].filter((value) => typeof value === 'string');
}

const databaseErrors: Record<string, ErrorCode> = {
  P2002: 'TAKEN',
  P2025: 'NOT_FOUND',
  P2024: 'UNAVAILABLE',
  P2028: 'UNAVAILABLE',
  P2034: 'UNAVAILABLE',
  P1000: 'UNAVAILABLE',
  P1001: 'UNAVAILABLE',
  P1002: 'UNAVAILABLE',
  P1003: 'UNAVAILABLE',
  P1008: 'UNAVAILABLE',
  P1010: 'UNAVAILABLE',
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
  AuthenticationFailed: 'UNAVAILABLE',
  ConnectionClosed: 'UNAVAILABLE',
  DatabaseAccessDenied: 'UNAVAILABLE',
  DatabaseDoesNotExist: 'UNAVAILABLE',
  DatabaseNotReachable: 'UNAVAILABLE',
  SocketTimeout: 'UNAVAILABLE',
  TooManyConnections: 'UNAVAILABLE',
  EAI_AGAIN: 'UNAVAILABLE',
  EIO: 'UNAVAILABLE',
  ENOSPC: 'UNAVAILABLE',
  ECONNREFUSED: 'UNAVAILABLE',
  ECONNRESET: 'UNAVAILABLE',
  EHOSTUNREACH: 'UNAVAILABLE',
  ENOTFOUND: 'UNAVAILABLE',
  EPIPE: 'UNAVAILABLE',
  ETIMEDOUT: 'UNAVAILABLE',
};

/** The code of the database for a fault that its operator has to mend, such as a full disk; undefined for others. */
export const operatorFaultOf = (error: unknown) =>
  codesOf(error).find((code) => /^(?:28|53|58|3D)\w{3}$|^42501$|^25006$|^ENOSPC$|^EIO$/.test(code));

/** True if a transaction failed only because of a concurrent one and can be retried (security.md 23.4). */
export const isSerializationFailure = (error: unknown) => codesOf(error).some((code) => ['P2034', '40001', '40P01'].includes(code));
