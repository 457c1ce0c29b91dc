import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Config } from '../../config.ts';
import type { ClientInfo } from '../../lib/client-info.ts';

const maxAgentLength = 256;

/** The origin of a request. Only the X-Forwarded-For entries of the configured number of trusted proxies count (security.md 4.4). */
export function getClientInfo(request: IncomingMessage, config: Config): ClientInfo {
  const agent = request.headers['user-agent'];
  return {
    network: toNetwork(clientAddress(request, config.TRUSTED_PROXIES)),
    agent: agent ? toPrintable(agent).slice(0, maxAgentLength) : null,
    requestId: toRequestId(request.headers['x-request-id']),
  };
}

function clientAddress(request: IncomingMessage, trustedProxies: number): string {
  const peer = request.socket.remoteAddress ?? '';
  const header = request.headers['x-forwarded-for'];
  if (trustedProxies === 0 || header === undefined) return peer;
  const forwarded = String(header)
    .split(',')
    .map((part) => part.trim());
  return forwarded.at(-trustedProxies) ?? forwarded[0] ?? peer;
}

/** An IPv4 address, also if it is mapped into IPv6; of an IPv6 address the first 64 bits, which one subscriber usually has. */
function toNetwork(address: string): string {
  if (isIPv4(address)) return address;
  const [withoutZone = ''] = address.split('%', 1);
  if (!isIPv6(withoutZone)) return 'unknown';
  const ip = ipaddr.IPv6.parse(withoutZone);
  if (ip.isIPv4MappedAddress()) return ip.toIPv4Address().toString();
  const prefix = ip.parts.slice(0, 4).map((part) => part.toString(16));
  return `${prefix.join(':')}::/64`;
}

const toPrintable = (text: string) => text.replace(/[^\x20-\x7e]/g, '?');

const toRequestId = (header: string | string[] | undefined) =>
  typeof header === 'string' && /^[A-Za-z0-9-]{8,64}$/.test(header) ? header : randomUUID();
