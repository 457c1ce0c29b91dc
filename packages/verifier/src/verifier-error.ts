const messages = {
  ERR_CONFIGURATION: 'An option is invalid.',
  ERR_TOKEN_INVALID: 'The token is not valid.',
  ERR_TOKEN_EXPIRED: 'The token has expired.',
  ERR_TOKEN_REVOKED: 'The token was revoked.',
  ERR_STALE: 'Revocations may be missing for longer than allowed.',
  ERR_INTROSPECTION_FAILED: 'The server could not be asked about the token.',
  ERR_CLOSED: 'The verifier is closed.',
  ERR_REFUSED: 'The server rejects the API token: it needs the scope tokens:follow, and its owner a role with tokens:follow.',
  ERR_UNREACHABLE: 'The server is unreachable or responds with an error.',
  ERR_KEYS_INVALID: 'The server returned no valid set of public keys.',
  ERR_SNAPSHOT_INVALID: 'The server returned no valid snapshot of revocations.',
  ERR_STREAM_INVALID: 'The server sent no valid stream of revocations.',
  ERR_CURSOR_EXPIRED: 'The server no longer knows the position of the verifier.',
} as const;

export type Code = keyof typeof messages;

/** The only error of this package. Its message never contains a token. */
export class VerifierError extends Error {
  override readonly name = 'VerifierError';
  readonly code: Code;

  constructor(code: Code, detail?: string) {
    super(detail ? `${messages[code]} (${detail})` : messages[code]);
    this.code = code;
  }
}

/** Converts any thrown value. Of a foreign error only its code or name is kept, because its message may contain a secret. */
export function asVerifierError(error: unknown, code: Code): VerifierError {
  if (error instanceof VerifierError) return error;
  const { name, code: foreignCode, cause } = error as { name?: string; code?: unknown; cause?: { code?: unknown } };
  return new VerifierError(code, String(cause?.code ?? foreignCode ?? name));
}
