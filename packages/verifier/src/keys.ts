import { createHash } from 'node:crypto';
import { type CryptoKey, importJWK, type JWK } from 'jose';
import type { Settings } from './options.ts';
import { parseJson, request, textOf } from './request.ts';
import { VerifierError } from './verifier-error.ts';

/** The public keys of the server, as it publishes them. */
export interface Keys {
  /** The key of that name. One that is not known is looked for anew, at most every 10 s. Throws ERR_STALE while none is known. */
  find(kid: string | undefined): Promise<CryptoKey | undefined>;
  /** Counts the times that keys were removed: what was checked meanwhile may have been checked with one of those. */
  readonly removals: number;
  /** Fetches the keys. Throws where they cannot be had; then those that were had stay. */
  load(): Promise<void>;
  /** Fetches the keys where a beat names another set, or they are old; whether they are now those that it names. Never throws. */
  keepUp(version: string): Promise<boolean>;
}

type Held = ReadonlyMap<string, { readonly x: string; readonly key: CryptoKey }>;

// Milliseconds. A set is public for 300 s; a node may learn of a change a second later than the one that tells it.
const every = { unknownKid: 10_000, failure: 1_000, setThatChanged: 2_000, set: 300_000 };
const most = { bytes: 256 * 1024, keys: 100, wait: 10_000 };

/** `removed` is called when a key is no longer there. */
export function openKeys(settings: Settings, closing: AbortSignal, removed: () => void): Keys {
  let held: Held = new Map();
  let version: string | undefined;
  let removals = 0;
  let triedAt = Number.NEGATIVE_INFINITY;
  let againAt = Number.NEGATIVE_INFINITY;
  let fetching: Promise<void> | undefined;

  async function fetchAnew() {
    triedAt = performance.now();
    const fresh = await fetchKeys(settings, held, closing);
    const isMissing = [...held].some(([kid, { key }]) => fresh.get(kid)?.key !== key);
    held = fresh;
    if (!isMissing) return;
    removals += 1;
    removed();
  }

  const load = () => {
    fetching ??= fetchAnew().finally(() => {
      fetching = undefined;
    });
    return fetching;
  };
  const isLoaded = () =>
    load().then(
      () => true,
      () => false,
    );

  return {
    load,
    get removals() {
      return removals;
    },
    async find(kid = '') {
      const isTimely = fetching !== undefined || performance.now() - triedAt >= every.unknownKid;
      if (!held.has(kid) && isTimely) await isLoaded();
      if (held.size === 0) throw new VerifierError('ERR_STALE', 'the keys of the server are not known yet');
      return held.get(kid)?.key;
    },
    async keepUp(named) {
      const now = performance.now();
      const isChanged = named !== version;
      if (!isChanged && now < againAt) return true;
      // What was asked for before the beat may be what was before the change.
      const isTooSoon = fetching !== undefined || now - triedAt < every.failure;
      if (isTooSoon && version !== undefined) return !isChanged;
      // A cache on the way may answer with the set from before.
      if (!(await isLoaded()) || nameOf(held) !== named) return !isChanged;
      version = named;
      againAt = performance.now() + (isChanged ? every.setThatChanged : every.set);
      return true;
    },
  };
}

async function fetchKeys(settings: Settings, held: Held, closing: AbortSignal): Promise<Held> {
  const signal = AbortSignal.any([closing, AbortSignal.timeout(most.wait)]);
  // What lies in a cache on the way may still hold a key that was removed.
  const headers = { accept: 'application/json', 'cache-control': 'no-cache' };
  const response = await request(settings, { path: '/.well-known/jwks.json', headers, signal });
  const { keys } = (parseJson(await textOf(response, most.bytes)) ?? {}) as { keys?: unknown };
  const usable = Array.isArray(keys) ? keys.slice(0, most.keys).filter(isUsable) : [];
  if (usable.length === 0) throw new VerifierError('ERR_KEYS_INVALID');
  return new Map(await Promise.all(usable.map(async ({ kid, x }) => [kid, await keyOf(held, kid, x)] as const)));
}

/** The name of a set of keys, as beats say it (docs/revocations.md). */
const nameOf = (held: Held) =>
  createHash('sha256')
    .update(JSON.stringify([...held].map(([kid, { x }]) => [kid, x]).sort()))
    .digest('base64url')
    .slice(0, 12);

/** Ed25519 keys alone, so that each is bound to its algorithm (RFC 8725, 3.1). */
function isUsable(one: unknown): one is { kid: string; x: string } {
  const { kty, crv, kid, x, alg = 'EdDSA', use = 'sig' } = (one ?? {}) as JWK;
  const isSigning = kty === 'OKP' && crv === 'Ed25519' && alg === 'EdDSA' && use === 'sig';
  return isSigning && typeof kid === 'string' && kid !== '' && typeof x === 'string' && /^[\w-]{43}$/.test(x);
}

async function keyOf(held: Held, kid: string, x: string) {
  const known = held.get(kid);
  return known?.x === x ? known : { x, key: (await importJWK({ kty: 'OKP', crv: 'Ed25519', x }, 'EdDSA')) as CryptoKey };
}
