import { domainToASCII } from 'node:url';

/**
 * The one form in which two spellings of an address are the same, used by every flow and throttle; undefined when it is no address that we
 * take (security.md 16.4).
 */
export function emailKey(text: string): string | undefined {
  if (text.length > 254 || text.normalize('NFKC') !== text) return undefined;
  const [, local, domain = ''] = /^([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64})@([^@\s/:?#[\]\\]+)$/.exec(text) ?? [];
  if (!local || local.startsWith('.') || local.endsWith('.') || local.includes('..')) return undefined;
  const ascii = domainToASCII(domain).replace(/\.$/, '');
  const labels = ascii.split('.');
  const wellFormed = labels.length > 1 && labels.every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label));
  return wellFormed && !/^\d+$/.test(labels.at(-1) ?? '') ? `${local.toLowerCase()}@${ascii}` : undefined;
}
