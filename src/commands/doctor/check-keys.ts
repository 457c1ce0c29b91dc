import type { Config } from '../../config.ts';
import { type Database, databaseTime, sql } from '../../database/database.ts';
import type { SigningKey } from '../../database/generated/prisma/client.ts';
import { type ConfiguredKeys, loadExistingKeys, requireKeysOfDatabase } from '../../identity/keys/configured-keys.ts';
import { decryptPrivateJwk } from '../../identity/keys/encrypt.ts';
import { hasRowSigned, keyStates } from '../../identity/keys/key-states.ts';
import { type Finding, runCheck } from './finding.ts';

type Query = Pick<Database, 'query'>;

/** The keys of the settings or of the data folder. Creates none. */
export async function checkConfiguredKeys(
  config: Pick<Config, 'JWT_KEYS' | 'ENCRYPTION_KEYS' | 'DATA_DIR' | 'DATABASE_URL'>,
): Promise<{ readonly findings: Finding[]; readonly configured: ConfiguredKeys | undefined }> {
  let configured: ConfiguredKeys | undefined;
  const findings = await runCheck('keys', async ({ ok }) => {
    requireKeysOfDatabase(config);
    configured = await loadExistingKeys(config);
    if (!configured) return ok('the first start generates them');
    ok(`${configured.pairs.length} in JWT_KEYS and ${configured.fingerprints.ENCRYPTION_KEYS.length} in ENCRYPTION_KEYS, all random`);
  });
  return { findings, configured };
}

const maxAge = 90; // days (docs/operations.md, Keys)

/** Compares the configured keys with those in use, and the signing keys with what the settings can decrypt. */
export const checkKeysInUse = (db: Query, configured: ConfiguredKeys): Promise<Finding[]> =>
  runCheck('keys', async ({ ok, warning, problem }) => {
    const { rows, states, now } = await readKeys(db, configured);
    const active = states.find(({ state }) => state === 'active');
    const inUse = await db.query<KeyInUse>(sql`select setting, fingerprint, "changedAt" from "KeyInUse"`);
    const hasRotated = rows.some((row) => hasRowSigned(row, now));
    for (const { setting, fingerprint } of inUse) {
      const isConfigured = configured.fingerprints[setting]?.some((one) => one.equals(fingerprint));
      if (!isConfigured && !(setting === 'JWT_KEYS' && hasRotated))
        problem(`${setting}: does not contain the key that is in use; give this server the keys of the others`);
    }
    const unreadable = rows.filter((row) => isUsed(row.kid) && isUnreadable(row, configured)).map(({ kid }) => kid);
    function isUsed(kid: string) {
      return states.some((one) => one.kid === kid && ['published', 'active', 'retiring'].includes(one.state));
    }
    for (const kid of unreadable) problem(`ENCRYPTION_KEYS: no entry decrypts the signing key ${kid}; add the key that encrypted it`);
    if (!active) return problem('no key signs; create one with `npm run admin -- rotate-keys --now`');
    const since = active.activeFrom ?? inUse.find(({ setting }) => setting === 'JWT_KEYS')?.changedAt ?? now;
    const days = Math.floor((now.getTime() - since.getTime()) / 86_400_000);
    if (days > maxAge) warning(`the signing key ${active.kid} is ${days} days old; replace it with \`npm run admin -- rotate-keys\``);
    else ok(`${active.kid} has been the signing key since ${since.toISOString().slice(0, 10)}`);
  });

type StoredKey = Pick<SigningKey, 'kid' | 'activeFrom' | 'removedAt' | 'publicJwk' | 'encryptedPrivateJwk'>;

interface KeyInUse {
  readonly setting: keyof ConfiguredKeys['fingerprints'];
  readonly fingerprint: Uint8Array;
  readonly changedAt: Date;
}

const isUnreadable = ({ kid, encryptedPrivateJwk }: StoredKey, { secrets }: ConfiguredKeys) =>
  encryptedPrivateJwk !== null && decryptPrivateJwk(secrets, kid, encryptedPrivateJwk) === undefined;

/** The ids of the keys that are published now. */
export async function publishedKids(db: Query, configured: ConfiguredKeys): Promise<string[]> {
  const { states } = await readKeys(db, configured);
  return states.filter(({ state }) => state !== 'retired' && state !== 'removed').map(({ kid }) => kid);
}

/** The signing keys of the database, and the states of all keys by its time. */
async function readKeys(db: Query, { pairs }: ConfiguredKeys) {
  const rows = await db.query<StoredKey>(sql`select kid, "activeFrom", "removedAt", "publicJwk", "encryptedPrivateJwk" from "SigningKey"`);
  const now = await databaseTime(db);
  const configuredKids = pairs.map(({ kid }) => kid);
  return { rows, now, states: keyStates(configuredKids, rows, now) };
}
