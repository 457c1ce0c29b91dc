import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * The network of a client: an IPv4 address, also if it is embedded in an IPv6 address, or the first 64 bits of an IPv6 address, which one subscriber usually
 * has. The address may have a port, brackets, quotes and a zone. Undefined if it is none, such as the `unknown` of RFC 7239.
 */
export function toNetwork(text: string): string | undefined {
  const [address = ''] = withoutPort(text.trim().replace(/^"(.*)"$/, '$1')).split('%', 1); // ipaddr.js rejects the zone `br-lan`
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return undefined;
  const ip = ipaddr.IPv6.parse(address);
  return embeddedIPv4(ip) ?? `${ip.parts.slice(0, 4).map(toHex).join(':')}::/64`;
}

/** `192.0.2.1:4000`, `[2001:db8::1]:4000` and `[2001:db8::1]` without the port and the brackets; other text unchanged. */
function withoutPort(text: string): string {
  const [, address] = /^\[([^\]]*)\](?::\d+)?$/.exec(text) ?? /^([\d.]+):\d+$/.exec(text) ?? [];
  return address ?? text;
}

/** The IPv4 address of a client that is reached by IPv6: mapped (RFC 4291 §2.5.5), or translated with the well-known prefix (RFC 6052). */
function embeddedIPv4(ip: ipaddr.IPv6): string | undefined {
  if (ip.isIPv4MappedAddress()) return ip.toIPv4Address().toString();
  if (ip.range() !== 'rfc6052') return undefined;
  return ip.toByteArray().slice(12).join('.');
}

const toHex = (part: number) => part.toString(16);
