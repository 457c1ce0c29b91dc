/** Every code, with its sentence. */
const sentences = {
  ERR_CONFIGURATION: 'An option cannot be used.',
  ERR_TOKEN_INVALID: 'The token is not valid.',
  ERR_TOKEN_EXPIRED: 'The token has expired.',
  ERR_TOKEN_REVOKED: 'The token was revoked.',
  ERR_STALE: 'Revocations may be missing for longer than is allowed.',
  ERR_INTROSPECTION_FAILED: 'The server could not be asked about the token.',
  ERR_CLOSED: 'The verifier is closed.',
  ERR_REFUSED: 'The server refuses the API token: it needs the scope tokens:follow, and an owner who may.',
  ERR_UNREACHABLE: 'The server does not answer as it should.',
  ERR_KEYS_INVALID: 'What the server answers is no set of public keys.',
  ERR_SNAPSHOT_INVALID: 'What the server answers is no snapshot of revocations.',
  ERR_STREAM_INVALID: 'What the server sends is no stream of revocations.',
  ERR_CURSOR_EXPIRED: 'The server no longer knows where the verifier was.',
} as const;

export type Code = keyof typeof sentences;

/** The one error of this package. Its message never holds a token. */
export class VerifierError extends Error {
  override readonly name = 'VerifierError';
  readonly code: Code;

  constructor(code: Code, detail?: string) {
    super(detail ? `${sentences[code]} (${detail})` : sentences[code]);
    this.code = code;
  }
}

/** Whatever was thrown as an error of this package; what is a stranger's is `code`, and says no more than its own code or name. */
export function asVerifierError(error: unknown, code: Code): VerifierError {
  if (error instanceof VerifierError) return error;
  const { name, code: own, cause } = error as { name?: string; code?: unknown; cause?: { code?: unknown } };
  return new VerifierError(code, String(cause?.code ?? own ?? name));
}
