import { type Duration, milliseconds } from './duration.ts';
import { VerifierError } from './verifier-error.ts';

/** Where a verifier says what happens to it; `console`, pino and the loggers of Fastify and Express fit. */
export interface Log {
  info(message: string): void;
  warn(message: string): void;
}

export interface Options {
  /** Where the server is reached, such as `https://id.example.com`. */
  readonly url: string;
  /** An API token with the scope `tokens:follow`, and `tokens:introspect` where stale answers are asked for. */
  readonly token: string;
  /** What `aud` has to equal. `fieldgate` unless said. */
  readonly audience?: string | undefined;
  /** What `iss` has to equal. `url` unless said. */
  readonly issuer?: string | undefined;
  /** How revocations are followed. `sse` unless said. */
  readonly transport?: 'sse' | 'websocket' | undefined;
  /** How often the server says that nothing happened, 500ms to 30s. `500ms` unless said. */
  readonly heartbeat?: Duration | undefined;
  /** How many verified tokens are remembered. 10,000 unless said. */
  readonly cachedTokens?: number | undefined;
  /** How many revoked sessions are remembered. 1,000,000 unless said. */
  readonly revokedSessions?: number | undefined;
  readonly log?: Log | undefined;
}

/** The options, checked, with their defaults. */
export type Settings = ReturnType<typeof readOptions>;

/** Throws ERR_CONFIGURATION with the name of the option, never its value. */
export function readOptions(options: Options) {
  const { url, token, audience = 'fieldgate', transport = 'sse', heartbeat = '500ms', log = silent } = options;
  const base = baseOf(url);
  const beat = milliseconds('heartbeat', heartbeat);
  // A header takes nothing else, and what it does not take it repeats in its error.
  need(typeof token === 'string' && /^[\x21-\x7e]{1,4096}$/.test(token), 'token needs to be an API token');
  need(typeof audience === 'string' && audience !== '', 'audience needs to be a text');
  need(transport === 'sse' || transport === 'websocket', 'transport needs to be sse or websocket');
  need(beat >= 500 && beat <= 30_000, 'heartbeat needs to be 500ms to 30s'); // docs/revocations.md, Beats
  const issuer = options.issuer ?? base;
  need(typeof issuer === 'string' && issuer !== '', 'issuer needs to be a text');
  return Object.freeze({
    url: base,
    token,
    audience,
    issuer,
    transport,
    heartbeat: beat,
    cachedTokens: count('cachedTokens', options.cachedTokens ?? 10_000),
    revokedSessions: count('revokedSessions', options.revokedSessions ?? 1_000_000),
    say: (level: keyof Log, message: string) => say(log, level, message),
  });
}

function baseOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const isBase = parsed && /^https?:$/.test(parsed.protocol) && !parsed.username && !parsed.search && !parsed.hash;
  need(isBase === true, 'url needs to be where the server is reached, such as https://id.example.com');
  return url.replace(/\/+$/, '');
}

function count(name: string, value: number): number {
  need(Number.isInteger(value) && value >= 1 && value <= 10_000_000, `${name} needs to be a number of 1 to 10,000,000`);
  return value;
}

function need(isMet: boolean, sentence: string) {
  if (!isMet) throw new VerifierError('ERR_CONFIGURATION', sentence);
}

const silent: Log = { info: () => {}, warn: () => {} };

/** A log that fails must not end the following. */
function say(log: Log, level: keyof Log, message: string) {
  try {
    log[level](message);
  } catch {}
}
