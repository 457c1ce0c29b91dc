import { type Duration, milliseconds } from './duration.ts';
import { VerifierError } from './verifier-error.ts';

/** Where a verifier reports its state; `console`, pino and the loggers of Fastify and Express fit. */
export interface Log {
  info(message: string): void;
  warn(message: string): void;
}

export interface Options {
  /** The URL of the server, such as `https://id.example.com`. */
  readonly url: string;
  /** An API token with the scope `tokens:follow`, and `tokens:introspect` if `onStale: 'introspect'` is used. */
  readonly token: string;
  /** The expected `aud`. Defaults to `fieldgate`. */
  readonly audience?: string | undefined;
  /** The expected `iss`. Defaults to `url`. */
  readonly issuer?: string | undefined;
  /** How revocations are received. Defaults to `sse`. */
  readonly transport?: 'sse' | 'websocket' | undefined;
  /** The interval of heartbeats, 500ms to 30s. Defaults to `500ms`. */
  readonly heartbeat?: Duration | undefined;
  /** Maximum number of verified tokens in the cache. Defaults to 10,000. */
  readonly cachedTokens?: number | undefined;
  /** Maximum number of revoked sessions in memory. Defaults to 1,000,000. */
  readonly revokedSessions?: number | undefined;
  readonly log?: Log | undefined;
}

/** The validated options with their defaults. */
export type Settings = ReturnType<typeof readOptions>;

/** Validates the options. Throws ERR_CONFIGURATION with the name of the option, never its value. */
export function readOptions(options: Options) {
  const { url, token, audience = 'fieldgate', transport = 'sse', heartbeat = '500ms', log = silent } = options;
  const base = baseOf(url);
  const interval = milliseconds('heartbeat', heartbeat);
  // Only these characters can be sent in a header; `fetch` would repeat others in its error.
  check(typeof token === 'string' && /^[\x21-\x7e]{1,4096}$/.test(token), 'token must be an API token');
  check(typeof audience === 'string' && audience !== '', 'audience must be a non-empty string');
  check(transport === 'sse' || transport === 'websocket', 'transport must be sse or websocket');
  check(interval >= 500 && interval <= 30_000, 'heartbeat must be 500ms to 30s'); // docs/revocations.md, Heartbeats
  const issuer = options.issuer ?? base;
  check(typeof issuer === 'string' && issuer !== '', 'issuer must be a non-empty string');
  return Object.freeze({
    url: base,
    token,
    audience,
    issuer,
    transport,
    heartbeat: interval,
    cachedTokens: count('cachedTokens', options.cachedTokens ?? 10_000),
    revokedSessions: count('revokedSessions', options.revokedSessions ?? 1_000_000),
    report: (level: keyof Log, message: string) => report(log, level, message),
  });
}

function baseOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const isBase = parsed && /^https?:$/.test(parsed.protocol) && !parsed.username && !parsed.search && !parsed.hash;
  check(isBase === true, 'url must be the URL of the server, such as https://id.example.com');
  return url.replace(/\/+$/, '');
}

function count(name: string, value: number): number {
  check(Number.isInteger(value) && value >= 1 && value <= 10_000_000, `${name} must be an integer from 1 to 10,000,000`);
  return value;
}

function check(isValid: boolean, message: string) {
  if (!isValid) throw new VerifierError('ERR_CONFIGURATION', message);
}

const silent: Log = { info: () => {}, warn: () => {} };

/** A failing log must not stop the verifier. */
function report(log: Log, level: keyof Log, message: string) {
  try {
    log[level](message);
  } catch {}
}
