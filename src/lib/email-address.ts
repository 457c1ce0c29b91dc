import { domainToASCII } from 'node:url';

const address = /^(?<local>[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64})@(?<domain>[^@\s/:?#[\]\\]+)$/;

/**
 * The normalized form of an email address, by which every flow and rate limit compares addresses; undefined if the address is not acceptable
 * (security.md 16.4).
 */
export function emailKey(text: string): string | undefined {
  if (text.length > 254 || text.normalize('NFKC') !== text) return undefined;
  const { local, domain = '' } = address.exec(text)?.groups ?? {};
  if (local?.includes('=?')) return undefined; // an encoded word (RFC 2047), which some mail programs decode to another address
  if (!local || local.startsWith('.') || local.endsWith('.') || local.includes('..')) return undefined;
  const asciiDomain = domainToASCII(domain).replace(/\.$/, '');
  const labels = asciiDomain.split('.');
  const isWellFormed = labels.length > 1 && labels.every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label));
  const isIpAddress = /^\d+$/.test(labels.at(-1) ?? '');
  return isWellFormed && !isIpAddress ? `${local.toLowerCase()}@${asciiDomain}` : undefined;
}

/** An address as it is stored and sent to: without the dot of the root, with which mail servers may not accept the domain. */
export const withoutRootDot = (email: string) => email.replace(/[.\u3002]$/, '');
