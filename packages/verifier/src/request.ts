import type { Settings } from './options.ts';
import { asVerifierError, VerifierError } from './verifier-error.ts';

interface Request {
  readonly path: string;
  readonly headers?: Record<string, string>;
  /** Sends a POST instead of a GET. */
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** Sends a request to the server. Throws ERR_REFUSED for 401 and 403, otherwise ERR_UNREACHABLE. */
export async function request({ url }: Settings, { path, headers = {}, body, signal }: Request): Promise<Response> {
  const method = body === undefined ? 'GET' : 'POST';
  // Redirects are not followed: only the server may receive the API token.
  const init = { method, headers, redirect: 'error', signal, ...(body !== undefined && { body }) } as const;
  const response = await fetch(url + path, init).catch((error: unknown) => {
    throw asVerifierError(error, 'ERR_UNREACHABLE');
  });
  if (response.ok) return response;
  await response.body?.cancel().catch(() => {});
  const isRejected = response.status === 401 || response.status === 403;
  throw new VerifierError(isRejected ? 'ERR_REFUSED' : 'ERR_UNREACHABLE', `${path}: ${response.status}`);
}

/** Reads a response of at most `maxBytes`. Throws ERR_UNREACHABLE. */
export async function readText(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > maxBytes) throw new VerifierError('ERR_UNREACHABLE', `more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw asVerifierError(error, 'ERR_UNREACHABLE');
  }
  return Buffer.concat(chunks).toString();
}

/** Parses JSON; undefined if the text is not valid JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const bearerHeader = ({ token }: Settings) => ({ authorization: `Bearer ${token}` });
