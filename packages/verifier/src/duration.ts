import { VerifierError } from './verifier-error.ts';

/** A duration, such as `500ms`, `2s` or `1m`. */
export type Duration = `${number}ms` | `${number}s` | `${number}m`;

const units = { ms: 1, s: 1_000, m: 60_000 };

/** A duration in milliseconds. Throws ERR_CONFIGURATION with the name of the option. */
export function milliseconds(name: string, text: Duration): number {
  const { amount, unit } = /^(?<amount>\d{1,6})(?<unit>ms|s|m)$/.exec(text)?.groups ?? {};
  if (!amount) throw new VerifierError('ERR_CONFIGURATION', `${name} must be a duration such as 500ms, 2s or 1m`);
  return Number(amount) * units[unit as keyof typeof units];
}
