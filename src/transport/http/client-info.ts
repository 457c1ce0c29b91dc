import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Config } from '../../config.ts';
import type { ClientInfo } from '../../lib/client-info.ts';
import { toNetwork } from './client-network.ts';
import { readForwardedAddress } from './forwarded-address.ts';

const maxAgentLength = 256;

/** The origin of a request. Of what proxies forward, only the entry that the outermost trusted one has written counts (security.md 4.4). */
export function getClientInfo(request: IncomingMessage, config: Config): ClientInfo {
  const agent = request.headers['user-agent'];
  return {
    network: clientNetwork(request, config),
    agent: agent ? toPrintable(agent).slice(0, maxAgentLength) : null,
    requestId: toRequestId(request.headers['x-request-id']),
  };
}

/** Without a forwarded address that can be read, the client counts as the proxy: it shares no limit with clients whose address is known. */
function clientNetwork(request: IncomingMessage, config: Config): string {
  const forwarded = readForwardedAddress(request, config);
  const network = forwarded === undefined ? undefined : toNetwork(forwarded);
  return network ?? toNetwork(request.socket.remoteAddress ?? '') ?? 'unknown';
}

const toPrintable = (text: string) => text.replace(/[^\x20-\x7e]/g, '?');

const toRequestId = (header: string | string[] | undefined) =>
  typeof header === 'string' && /^[A-Za-z0-9-]{8,64}$/.test(header) ? header : randomUUID();
