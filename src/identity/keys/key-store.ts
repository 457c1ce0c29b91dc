import { createHash } from 'node:crypto';
import { type Database, type Sql, sql } from '../../database/database.ts';
import type { SigningKey } from '../../database/generated/prisma/client.ts';
import { requestErrorFor } from '../../errors.ts';
import { createAggregatedLog } from '../../lib/aggregated-log.ts';
import { startPoller } from '../../lib/poller.ts';
import type { LogFields, Logger } from '../../logger.ts';
import type { ConfiguredKeys, KeyStore } from './configured-keys.ts';
import { decryptPrivateJwk } from './encrypt.ts';
import { importPair, importPublic, type KeyPair, type PublicKey } from './key-pair.ts';
import { keyStates } from './key-states.ts';

interface RunningKeyStore extends KeyStore {
  close(): Promise<void>;
}

/** A public key, with its private half if this node can decrypt it. */
type ImportedKey = PublicKey & Partial<Pick<KeyPair, 'private'>>;

type KeySet = Pick<KeyStore, 'verifying' | 'jwks' | 'version'> & { readonly signing: KeyStore['signing'] | undefined };

const pollInterval = 400; // milliseconds; every node follows within 1 s (security.md F20)

/** Follows the signing keys of the database, after the configured ones. Throws if this node can use none of them. */
export async function createKeyStore(db: Pick<Database, 'query'>, log: Logger, configured: ConfiguredKeys): Promise<RunningKeyStore> {
  const imported = new Map<string, ImportedKey | undefined>(configured.pairs.map((pair) => [pair.kid, pair]));
  const loadKeySet = async () => createKeySet(configured, await readRows(db), imported, log);
  let current = await loadKeySet();
  if (!current.signing) {
    throw new Error('Setting ENCRYPTION_KEYS: no entry decrypts the active signing key; list the keys with `npm run admin -- keys`');
  }
  const removalListeners = createRemovalListeners();
  const poller = startPoller(
    async () => {
      current = await loadKeySet();
      removalListeners.notify(current.verifying);
    },
    {
      interval: pollInterval,
      onFailure: (error) => log.warn({ event: 'sys_polling_failed', error: error.message }, 'reading the signing keys failed; retrying'),
    },
  );
  return {
    get signing() {
      if (!current.signing) throw requestErrorFor('UNAVAILABLE');
      return current.signing;
    },
    get verifying() {
      return current.verifying;
    },
    get jwks() {
      return current.jwks;
    },
    get version() {
      return current.version;
    },
    onKeyRemoved: removalListeners.onKeyRemoved,
    reportUnknownKey: createUnknownKeyReporter(log),
    secret: configured.secret,
    secrets: configured.secrets,
    close: poller.stop,
  };
}

function createRemovalListeners(): Pick<KeyStore, 'onKeyRemoved'> & { notify(present: KeyStore['verifying']): void } {
  const listeners = new Set<{ readonly kid: string; readonly onRemoved: () => void }>();
  return {
    onKeyRemoved: (kid, onRemoved) => {
      const listener = { kid, onRemoved };
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    notify: (present) => {
      for (const listener of listeners) if (!present.has(listener.kid) && listeners.delete(listener)) listener.onRemoved();
    },
  };
}

type PublicJwk = PublicKey['jwk'] & { kid: string };
type Row = Pick<SigningKey, 'kid' | 'encryptedPrivateJwk' | 'activeFrom' | 'removedAt'> & { publicJwk: PublicJwk | null; now: Date };

/** The time, at most a day ahead: the driver cannot read infinite ones. Null stays null. */
const finite = (time: Sql) => sql`case when ${time} is not null then greatest(least(${time}, now() + interval '1 day'), 'epoch') end`;

/** The keys of the database and its time. */
async function readRows({ query }: Pick<Database, 'query'>) {
  const rows = await query<Row | { kid: null; now: Date }>(sql`
    select k.kid, k."publicJwk", k."encryptedPrivateJwk", ${finite(sql`k."activeFrom"`)} as "activeFrom",
      ${finite(sql`k."removedAt"`)} as "removedAt", now() as now
    from (select 1) one left join "SigningKey" k on true`);
  const [{ now }] = rows as [(typeof rows)[0]]; // the outer join always has a row
  return { now, rows: rows.filter((row): row is Row => row.kid !== null) };
}

async function createKeySet(
  { pairs, secrets }: ConfiguredKeys,
  { rows, now }: Awaited<ReturnType<typeof readRows>>,
  imported: Map<string, ImportedKey | undefined>,
  log: Logger,
): Promise<KeySet> {
  for (const row of rows) {
    if (!row.publicJwk || imported.get(row.kid)) continue;
    const isKnown = imported.has(row.kid);
    imported.set(row.kid, await importRow(secrets, row, row.publicJwk, log).catch((error: Error) => reportUnreadable(row.kid, error)));
    // One row that is damaged must not keep the others from being used. It is read again, because it may be mended, and reported once.
    function reportUnreadable(kid: string, { message }: Error) {
      if (!isKnown)
        log.error({ event: 'sys_key_unreadable', kid, error: message }, 'a signing key cannot be read; its tokens are rejected');
      return undefined;
    }
  }
  const configuredKids = pairs.map(({ kid }) => kid);
  const states = keyStates(configuredKids, rows, now);
  const accepted = states.filter(({ state }) => state !== 'retired' && state !== 'removed').flatMap(({ kid }) => imported.get(kid) ?? []);
  const active = imported.get(states.find(({ state }) => state === 'active')?.kid ?? '');
  const identifiers = accepted.map(({ kid, jwk }) => [kid, jwk.x]).sort();
  return {
    signing: active?.private && { kid: active.kid, key: active.private },
    verifying: new Map(accepted.map((key) => [key.kid, key.public])),
    jwks: { keys: accepted.map(({ jwk }) => jwk) },
    version: createHash('sha256').update(JSON.stringify(identifiers)).digest('base64url').slice(0, 12),
  };
}

async function importRow(
  secrets: ConfiguredKeys['secrets'],
  { kid, encryptedPrivateJwk }: Row,
  publicJwk: PublicJwk,
  log: Logger,
): Promise<ImportedKey> {
  const privateJwk = encryptedPrivateJwk && decryptPrivateJwk(secrets, kid, encryptedPrivateJwk);
  if (privateJwk) return importPair(JSON.parse(privateJwk));
  const key = await importPublic(publicJwk); // first: a row that cannot be read is read again and again, and reported as that
  if (encryptedPrivateJwk) {
    log.error({ event: 'sys_key_not_opened', kid }, 'no ENCRYPTION_KEYS entry decrypts this signing key; this node will not sign with it');
  }
  return key;
}

/** Logs unknown key ids at most once a minute, with their number (security.md 20.4). */
function createUnknownKeyReporter(log: Logger): KeyStore['reportUnknownKey'] {
  const warn = createAggregatedLog<LogFields<'warn'>>((fields, message) => log.warn(fields, message));
  return (kid) =>
    warn('kid', { event: 'authn_token_unknown_key', kid: String(kid).slice(0, 64) }, 'a token was signed with an unknown or removed key');
}
