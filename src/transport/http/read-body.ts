import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { ErrorCode } from '../../errors.ts';

/** Why a body was not read. */
export interface BodyRejection {
  readonly status: number;
  readonly code: ErrorCode;
}

const rejected = (status: number): BodyRejection => ({ status, code: 'INVALID_INPUT' });

// Bytes. Closing the connection while a client still sends can lose the response: behind nginx it becomes 502.
const maxDiscarded = 1024 * 1024;

/** Reads a body of at most `maxBytes` of UTF-8 whose `content-type` matches. Stops reading at the limit. */
export async function readBody(request: IncomingMessage, contentType: RegExp, maxBytes: number): Promise<string | BodyRejection> {
  const { 'content-type': type = '', 'content-encoding': encoding, 'content-length': length = '0' } = request.headers;
  if (!contentType.test(type) || encoding !== undefined) return rejected(415);
  if (Number(length) > maxBytes) {
    if (Number(length) <= maxDiscarded) for await (const _ of request);
    return rejected(413);
  }
  const chunks: Buffer[] = [];
  let read = 0;
  for await (const chunk of request) {
    read += (chunk as Buffer).length;
    if (read > maxBytes) return rejected(413);
    chunks.push(chunk as Buffer);
  }
  const bytes = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
  return isUtf8(bytes) ? bytes.toString() : rejected(400);
}
