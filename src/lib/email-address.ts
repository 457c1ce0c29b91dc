import { domainToASCII, domainToUnicode } from 'node:url';

const address = /^(?<local>[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64})@(?<domain>[^@\s/:?#[\]\\]+)$/;

/**
 * The normalized form of an email address, by which every flow and rate limit compares addresses; undefined if the address is not acceptable
 * (security.md 16.4). It names the same mailbox as `storedEmail`.
 */
export function emailKey(text: string): string | undefined {
  if (text.length > 254 || text.normalize('NFKC') !== text) return undefined;
  const { local, domain = '' } = address.exec(storedEmail(text))?.groups ?? {};
  if (local?.includes('=?')) return undefined; // an encoded word (RFC 2047), which some mail programs decode to another address
  if (!local || local.startsWith('.') || local.endsWith('.') || local.includes('..')) return undefined;
  const asciiDomain = readLiterally(domain.toLowerCase());
  const labels = asciiDomain?.split('.') ?? [];
  const isWellFormed = labels.length > 1 && labels.every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label));
  const isIpAddress = /^\d+$/.test(labels.at(-1) ?? '');
  return isWellFormed && !isIpAddress ? `${local.toLowerCase()}@${asciiDomain}` : undefined;
}

/**
 * An acceptable address as it is stored and sent to: as entered, but without the dot of the root, with which mail servers may not accept the domain,
 * and without ideographic full stops, which mail programs may not take for dots.
 */
export const storedEmail = (email: string) => email.replaceAll('\u3002', '.').replace(/\.$/, '');

/**
 * The ASCII form of a domain in lower case; undefined if it is not spelled as that domain. The URL standard decodes percent signs and drops or
 * replaces characters, which mail programs do not: the address would be another mailbox than its key.
 */
function readLiterally(domain: string): string | undefined {
  const asciiDomain = domainToASCII(domain);
  const labels = asciiDomain.split('.');
  const entered = domain.split('.');
  const isLiteral = (label: string, index: number) => [label, domainToUnicode(label)].includes(entered[index] ?? '');
  return labels.length === entered.length && labels.every(isLiteral) ? asciiDomain : undefined;
}
