import { createHash } from 'node:crypto';
import { type Database, sql } from '../../database/database.ts';
import type { SigningKey } from '../../database/generated/prisma/client.ts';
import { graphqlError } from '../../errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { ConfiguredKeys, KeyStore } from './configured-keys.ts';
import { decrypt } from './encrypt.ts';
import { importPair, importPublic, type KeyPair, type PublicKey } from './key-pair.ts';
import { keyStates } from './key-states.ts';

/** The keys as they are now, until they are closed. */
interface LiveKeys extends KeyStore {
  close(): Promise<void>;
}

type Known = PublicKey & Partial<Pick<KeyPair, 'private'>>;
type KeySet = Omit<KeyStore, 'signing' | 'onKeyRemoved' | 'reportUnknownKey' | 'secret'> & {
  readonly signing: KeyStore['signing'] | undefined;
};

const readEvery = 400; // milliseconds; every node follows within 1 s (security.md F20)
const alarmEvery = 60_000; // milliseconds; whoever makes tokens up does not fill the log (security.md 19.8)

/** Follows the signing keys in the database, those of the settings being the first ones. Throws when none of them can be used here. */
export async function createKeyStore(db: Pick<Database, 'query'>, log: Logger, configured: ConfiguredKeys): Promise<LiveKeys> {
  const imported = new Map<string, Known>(configured.pairs.map((pair) => [pair.kid, pair]));
  const read = async () => setOf(configured, await rowsOf(db), imported, log);
  let current = await read();
  if (!current.signing)
    throw new Error('Setting ENCRYPTION_KEYS: the key that signs was encrypted with another one; `admin -- keys` names it');
  const waiting = waitingList();
  const stop = repeating(async () => {
    current = await read();
    waiting.tell(current.verifying);
  }, log);
  return {
    get signing() {
      if (!current.signing) throw graphqlError('UNAVAILABLE');
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
    onKeyRemoved: waiting.onKeyRemoved,
    reportUnknownKey: alarmOf(log),
    secret: configured.secret,
    close: stop,
  };
}

/** What is to be done, once, when a key is gone. */
function waitingList(): Pick<KeyStore, 'onKeyRemoved'> & { tell(present: KeyStore['verifying']): void } {
  const entries = new Set<{ readonly kid: string; readonly act: () => void }>();
  return {
    onKeyRemoved: (kid, act) => {
      const entry = { kid, act };
      entries.add(entry);
      return () => entries.delete(entry);
    },
    tell: (present) => {
      for (const entry of entries) if (!present.has(entry.kid) && entries.delete(entry)) entry.act();
    },
  };
}

/** Reads on a clock; what was known last stays while the database is away. Answers how to stop. */
function repeating(read: () => Promise<void>, log: Logger): () => Promise<void> {
  let reading: Promise<void> | undefined;
  let isLate = false;
  const again = () =>
    read().then(
      () => {
        isLate = false;
      },
      (error: Error) => {
        if (!isLate) log.warn({ error: error.message }, 'the signing keys could not be read; trying again');
        isLate = true;
      },
    );
  const clock = setInterval(() => {
    reading ??= again().finally(() => {
      reading = undefined;
    });
  }, readEvery).unref();
  return async () => {
    clearInterval(clock);
    await reading;
  };
}

type Row = Pick<SigningKey, 'kid' | 'sealed' | 'signsFrom' | 'removedAt'> & { jwk: (PublicKey['jwk'] & { kid: string }) | null; now: Date };

/** The keys in the database, and its time. */
async function rowsOf({ query }: Pick<Database, 'query'>) {
  const rows = await query<Row | { kid: null; now: Date }>(
    sql`select k.kid, k.jwk, k.sealed, k."signsFrom", k."removedAt", now() as now from (select 1) one left join "SigningKey" k on true`,
  );
  return { now: rows[0]?.now ?? new Date(), rows: rows.filter((row): row is Row => row.kid !== null) };
}

async function setOf(
  { pairs, secrets }: ConfiguredKeys,
  { rows, now }: Awaited<ReturnType<typeof rowsOf>>,
  imported: Map<string, Known>,
  log: Logger,
): Promise<KeySet> {
  for (const row of rows) if (row.jwk && !imported.has(row.kid)) imported.set(row.kid, await importRow(secrets, row, log));
  const states = keyStates(
    pairs.map(({ kid }) => kid),
    rows,
    now,
  );
  const published = states.filter(({ state }) => state !== 'retired' && state !== 'removed').flatMap(({ kid }) => imported.get(kid) ?? []);
  const signing = imported.get(states.find(({ state }) => state === 'signs')?.kid ?? '');
  const named = published.map(({ kid, jwk }) => [kid, jwk.x]).sort();
  return {
    signing: signing?.private && { kid: signing.kid, key: signing.private },
    verifying: new Map(published.map((key) => [key.kid, key.public])),
    jwks: { keys: published.map(({ jwk }) => jwk) },
    version: createHash('sha256').update(JSON.stringify(named)).digest('base64url').slice(0, 12),
  };
}

/** A key of the database; without its private half where none of our keys opens it. */
async function importRow(secrets: ConfiguredKeys['secrets'], { kid, jwk, sealed }: Row, log: Logger): Promise<Known> {
  const opened = sealed && decrypt(secrets('signing keys'), `SigningKey.sealed ${kid}`, sealed);
  if (opened) return importPair(JSON.parse(opened));
  if (sealed)
    log.error({ event: 'sys_key_not_opened', kid }, 'none of ENCRYPTION_KEYS opens a signing key: this node will not sign with it');
  return importPublic(jwk as PublicKey['jwk'] & { kid: string });
}

/** Says at most once a minute, with how many there were, that keys were named which we do not have (security.md 20.4). */
function alarmOf(log: Logger): KeyStore['reportUnknownKey'] {
  let count = 0;
  let silentUntil = 0;
  return (kid) => {
    count += 1;
    if (performance.now() < silentUntil) return;
    log.warn(
      { event: 'authn_token_unknown_key', kid: String(kid).slice(0, 64), count },
      'a token names a key that is none of ours, or was removed',
    );
    count = 0;
    silentUntil = performance.now() + alarmEvery;
  };
}
