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
  const addresses = readers[PROXY_HEADER](String(header));
  return addresses[Math.max(0, addresses.length - TRUSTED_PROXIES)];
}

const readers: Record<Config['PROXY_HEADER'], (header: string) => (string | undefined)[]> = {
  'x-forwarded-for': (header) => header.split(','),
  forwarded: readForwarded, // RFC 7239
};

function readForwarded(header: string): (string | undefined)[] {
  try {
    return parseForwarded(header).map((hop) => hop.for);
  } catch {
    return [];
  }
}
