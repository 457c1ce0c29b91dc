import type { Settings } from './options.ts';
import { asVerifierError, VerifierError } from './verifier-error.ts';

interface Request {
  readonly path: string;
  readonly headers?: Record<string, string>;
  /** Makes it a POST. */
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** Sends a request to the server and answers its response. Throws ERR_REFUSED or ERR_UNREACHABLE. */
export async function request({ url }: Settings, { path, headers = {}, body, signal }: Request): Promise<Response> {
  const method = body === undefined ? 'GET' : 'POST';
  // Nobody but the server gets the API token, so a redirection is not followed.
  const init = { method, headers, redirect: 'error', signal, ...(body !== undefined && { body }) } as const;
  const response = await fetch(url + path, init).catch((error: unknown) => {
    throw asVerifierError(error, 'ERR_UNREACHABLE');
  });
  if (response.ok) return response;
  await response.body?.cancel().catch(() => {});
  const isRefused = response.status === 401 || response.status === 403;
  throw new VerifierError(isRefused ? 'ERR_REFUSED' : 'ERR_UNREACHABLE', `${path}: ${response.status}`);
}

/** Reads a whole answer of at most so many bytes. Throws ERR_UNREACHABLE. */
export async function textOf(response: Response, most: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > most) throw new VerifierError('ERR_UNREACHABLE', `more than ${most} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw asVerifierError(error, 'ERR_UNREACHABLE');
  }
  return Buffer.concat(chunks).toString();
}

/** What a text says in JSON; undefined where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The header that says who asks. */
export const bearer = ({ token }: Settings) => ({ authorization: `Bearer ${token}` });
