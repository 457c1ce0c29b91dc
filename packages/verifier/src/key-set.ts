import { createHash } from 'node:crypto';
import { type CryptoKey, importJWK, type JWK } from 'jose';
import type { Settings } from './options.ts';
import { parseJson, readText, request } from './request.ts';
import { VerifierError } from './verifier-error.ts';

/** The public keys of the server. */
export interface KeySet {
  /** The key with this id. For an unknown id the keys are fetched again, at most every 10 s. Throws ERR_STALE while no key is known. */
  find(kid: string | undefined): Promise<CryptoKey | undefined>;
  /** Counts removals of keys: a token that was checked meanwhile may have been checked with a removed key. */
  readonly removals: number;
  /** Fetches the keys. Throws if that fails; the previous keys stay. */
  load(): Promise<void>;
  /** Fetches the keys if a heartbeat names another version, or if they are old. Returns whether they have that version now. Never throws. */
  update(version: string): Promise<boolean>;
}

type Keys = ReadonlyMap<string, { readonly x: string; readonly key: CryptoKey }>;

// Milliseconds. Caches may keep a set for 300 s; nodes may learn of a change at times that differ by up to a second.
const interval = { unknownKid: 10_000, failure: 1_000, changedSet: 2_000, unchangedSet: 300_000 };
const maxBytes = 256 * 1024;
const maxKeys = 100;
const timeout = 10_000; // milliseconds

/** `onRemoval` is called when a key has been removed. */
export function createKeySet(settings: Settings, closing: AbortSignal, onRemoval: () => void): KeySet {
  let keys: Keys = new Map();
  let version: string | undefined;
  let removals = 0;
  let lastFetchAt = Number.NEGATIVE_INFINITY;
  let nextFetchAt = Number.NEGATIVE_INFINITY;
  let fetching: Promise<void> | undefined;

  async function replaceKeys() {
    lastFetchAt = performance.now();
    const fetched = await fetchKeys(settings, keys, closing);
    const isRemoved = [...keys].some(([kid, { key }]) => fetched.get(kid)?.key !== key);
    keys = fetched;
    if (!isRemoved) return;
    removals += 1;
    onRemoval();
  }

  const load = () => {
    fetching ??= replaceKeys().finally(() => {
      fetching = undefined;
    });
    return fetching;
  };
  const tryLoad = () =>
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
      const mayFetch = fetching !== undefined || performance.now() - lastFetchAt >= interval.unknownKid;
      if (!keys.has(kid) && mayFetch) await tryLoad();
      if (keys.size === 0) throw new VerifierError('ERR_STALE', 'the keys of the server are not known yet');
      return keys.get(kid)?.key;
    },
    async update(named) {
      const now = performance.now();
      const isChanged = named !== version;
      if (!isChanged && now < nextFetchAt) return true;
      // A fetch that began before the heartbeat may return the keys from before the change.
      const isTooSoon = fetching !== undefined || now - lastFetchAt < interval.failure;
      if (isTooSoon && version !== undefined) return !isChanged;
      // A cache between here and the server may return the previous set.
      if (!(await tryLoad()) || versionOf(keys) !== named) return !isChanged;
      version = named;
      nextFetchAt = performance.now() + (isChanged ? interval.changedSet : interval.unchangedSet);
      return true;
    },
  };
}

async function fetchKeys(settings: Settings, known: Keys, closing: AbortSignal): Promise<Keys> {
  const signal = AbortSignal.any([closing, AbortSignal.timeout(timeout)]);
  // A cache may still hold a removed key.
  const headers = { accept: 'application/json', 'cache-control': 'no-cache' };
  const response = await request(settings, { path: '/.well-known/jwks.json', headers, signal });
  const { keys } = (parseJson(await readText(response, maxBytes)) ?? {}) as { keys?: unknown };
  const usable = Array.isArray(keys) ? keys.slice(0, maxKeys).filter(isUsable) : [];
  if (usable.length === 0) throw new VerifierError('ERR_KEYS_INVALID');
  return new Map(await Promise.all(usable.map(async ({ kid, x }) => [kid, await importKey(known, kid, x)] as const)));
}

/** The version of a set of keys, as heartbeats name it (docs/revocations.md). */
const versionOf = (keys: Keys) =>
  createHash('sha256')
    .update(JSON.stringify([...keys].map(([kid, { x }]) => [kid, x]).sort()))
    .digest('base64url')
    .slice(0, 12);

/** Ed25519 keys only, so that each key is bound to its algorithm (RFC 8725 §3.1). */
function isUsable(jwk: unknown): jwk is { kid: string; x: string } {
  const { kty, crv, kid, x, alg = 'EdDSA', use = 'sig' } = (jwk ?? {}) as JWK;
  const isSigningKey = kty === 'OKP' && crv === 'Ed25519' && alg === 'EdDSA' && use === 'sig';
  return isSigningKey && typeof kid === 'string' && kid !== '' && typeof x === 'string' && /^[\w-]{43}$/.test(x);
}

async function importKey(known: Keys, kid: string, x: string) {
  const existing = known.get(kid);
  return existing?.x === x ? existing : { x, key: (await importJWK({ kty: 'OKP', crv: 'Ed25519', x }, 'EdDSA')) as CryptoKey };
}
