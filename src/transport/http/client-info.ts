import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIPv4, isIPv6 } from 'node:net';
import type { Config } from '../../config.ts';
import type { ClientInfo } from '../../lib/client-info.ts';

/** Where a request comes from; forwarded addresses count only as far as the configured number of trusted proxies (security.md 4.4). */
export function getClientInfo(request: IncomingMessage, config: Config): ClientInfo {
  const agent = request.headers['user-agent'];
  return {
    network: networkOf(addressOf(request, config.TRUSTED_PROXIES)),
    agent: agent ? printable(agent).slice(0, 256) : null,
    requestId: requestIdOf(request.headers['x-request-id']),
  };
}

function addressOf(request: IncomingMessage, proxies: number): string {
  const own = request.socket.remoteAddress ?? '';
  const header = request.headers['x-forwarded-for'];
  if (proxies === 0 || header === undefined) return own;
  const forwarded = String(header)
    .split(',')
    .map((part) => part.trim());
  return forwarded.at(-proxies) ?? forwarded[0] ?? own;
}

/** An IPv4 address as it is, an IPv6 address by its first 64 bits; a mapped IPv4 address is that IPv4 address. */
function networkOf(address: string): string {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (mapped) return mapped;
  if (isIPv4(address)) return address;
  const [plain = ''] = address.split('%', 1); // a link-local address names its interface behind this sign
  return isIPv6(plain) ? `${first64(plain)}::/64` : 'unknown';
}

function first64(address: string): string {
  const [head = '', tail] = address.toLowerCase().split('::');
  const before = head.split(':').filter(Boolean);
  const after = tail?.split(':').filter(Boolean) ?? [];
  const left = tail === undefined ? 0 : 8 - before.length - after.length - (address.includes('.') ? 1 : 0); // a dotted end is two groups
  const groups = [...before, ...Array<string>(Math.max(0, left)).fill('0'), ...after];
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}

const printable = (text: string) => text.replace(/[^\x20-\x7e]/g, '?');

const requestIdOf = (header: string | string[] | undefined) =>
  typeof header === 'string' && /^[A-Za-z0-9-]{8,64}$/.test(header) ? header : randomUUID();
