import type { IncomingMessage } from 'node:http';
import parseForwarded from 'forwarded-parse';
import type { Config } from '../../config.ts';

/**
 * The address that the outermost trusted proxy has received the request from, as that proxy has written it. Entries before it were written by the client.
 * Undefined if the header is missing or malformed, or if no proxy is trusted.
 */
export function readForwardedAddress(request: IncomingMessage, { TRUSTED_PROXIES, PROXY_HEADER }: Config): string | undefined {
  const header = request.headers[PROXY_HEADER];
  if (TRUSTED_PROXIES === 0 || header === undefined) return undefined;
  const { split, read } = formats[PROXY_HEADER];
  const elements = split(String(header));
  return read(elements[Math.max(0, elements.length - TRUSTED_PROXIES)] ?? '');
}

interface Format {
  /** The elements of the header, in the order in which proxies have appended them. */
  split(header: string): readonly string[];
  read(element: string): string | undefined;
}

const formats: Record<Config['PROXY_HEADER'], Format> = {
  'x-forwarded-for': { split: (header) => header.split(','), read: (element) => element },
  forwarded: { split: splitFromEnd, read: readFor }, // RFC 7239
};

/** Splits from the end: what proxies have appended is well-formed, but a client may have begun a quoted string before it that does not end. */
function splitFromEnd(header: string): string[] {
  const elements: string[] = [];
  let end = header.length;
  let isQuoted = false;
  for (let index = header.length - 1; index >= 0; index -= 1) {
    if (header[index] === '"') isQuoted = !isQuoted;
    if (header[index] !== ',' || isQuoted) continue;
    elements.push(header.slice(index + 1, end));
    end = index;
  }
  return [...elements, header.slice(0, end)].reverse();
}

/** The parameter `for` of an element. Some proxies do not quote the colons of a port or of an IPv6 address. */
function readFor(element: string): string | undefined {
  try {
    return parseForwarded(element.trim().replace(/=([^";]+)/g, '="$1"'))[0]?.for;
  } catch {
    return undefined;
  }
}
