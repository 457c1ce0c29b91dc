import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { ErrorCode } from '../../errors.ts';

/** Why a body is not taken: its status and code. */
export type BodyRejection = readonly [status: number, code: ErrorCode];

/** The text of a body whose `content-type` is such, at most `most` bytes of UTF-8; or why it is not taken. Stops reading at the limit. */
export async function readBody(request: IncomingMessage, types: RegExp, most: number): Promise<string | BodyRejection> {
  const { 'content-type': type = '', 'content-encoding': encoding, 'content-length': length = '0' } = request.headers;
  if (!types.test(type) || encoding !== undefined) return [415, 'INVALID_INPUT'];
  if (Number(length) > most) return [413, 'INVALID_INPUT'];
  const chunks: Buffer[] = [];
  let read = 0;
  for await (const chunk of request) {
    read += (chunk as Buffer).length;
    if (read > most) return [413, 'INVALID_INPUT'];
    chunks.push(chunk as Buffer);
  }
  const bytes = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
  return isUtf8(bytes) ? bytes.toString() : [400, 'INVALID_INPUT'];
}
