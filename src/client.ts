import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIPv6 } from 'node:net';
import type { Config } from './config.ts';
import type { Client } from './context.ts';

/** Where a request comes from; forwarded addresses count only as far as the configured number of trusted proxies (security.md 4.4). */
export function clientOf(request: IncomingMessage, config: Config): Client {
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
export function networkOf(address: string): string {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (mapped) return mapped;
  if (!isIPv6(address)) return /^[\d.]{7,15}$/.test(address) ? address : 'unknown';
  const block = new BlockList();
  block.addSubnet(address, 64, 'ipv6');
  return block.rules[0]?.replace(/^Subnet: IPv6 /, '') ?? 'unknown';
}

const printable = (text: string) => text.replace(/[^\x20-\x7e]/g, '?');

const requestIdOf = (header: string | string[] | undefined) =>
  typeof header === 'string' && /^[A-Za-z0-9-]{8,64}$/.test(header) ? header : randomUUID();
