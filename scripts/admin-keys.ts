import { readConfig } from '../src/config.ts';
import { type Database, openDatabase } from '../src/database/database.ts';
import { type ConfiguredKeys, loadConfiguredKeys } from '../src/identity/keys/configured-keys.ts';
import type { KeyWithState } from '../src/identity/keys/key-states.ts';
import { claimKeys, replaceKeysInUse } from '../src/identity/keys/keys-in-use.ts';
import { listKeys, publicationPeriod, removeKey, rotateKeys } from '../src/identity/keys/rotate-keys.ts';
import { createLogger } from '../src/lib/logger.ts';

/** Prints every signing key with its state and times. */
export const printKeys = () =>
  withKeys(async (db, configured) => {
    const rows = (await listKeys(db, configured)).map((key) => [
      key.kid,
      key.state,
      key.createdAt ? `created ${key.createdAt.toISOString()}` : 'from JWT_KEYS',
      formatTime('signs from', key.activeFrom),
      formatTime(endLabels[key.state], key.acceptedUntil),
    ]);
    const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
    for (const row of rows) {
      const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
      console.log(cells.join('  ').trimEnd());
    }
  });

/** Creates a key that signs in 10 minutes. */
export const rotate = () => rotateWithDelay(publicationPeriod, 'is published now and signs in 10 minutes');

/** Creates a key that signs immediately. */
export const rotateNow = () => rotateWithDelay(0, 'signs now; resource servers that cached the keys do not know it yet');

/** Removes a key immediately. Throws if there is no key with that id. */
export const remove = (kid: string) =>
  withKeys(async (db, configured) => {
    const removed = await removeKey(db, configured, kid);
    if (!removed) throw new Error('No key has that id; list the keys with `npm run admin -- keys`.');
    console.log(`${kid} is removed. Tokens signed with it are rejected from now on.`);
    if (removed.successor) console.log(`${removed.successor} signs now.`);
    if (configured.pairs.some((pair) => pair.kid === kid)) console.log('If JWT_KEYS has another key, remove this one from it as well.');
  });

const rotateWithDelay = (delay: number, description: string) =>
  withKeys(async (db, configured) => console.log(`${await rotateKeys(db, configured, delay)} ${description}.`));

/** Records the configured keys as those in use, after the earlier ones were lost. */
export const accept = () => withKeys(async () => console.log('Nodes with these keys start from now on.'), replaceKeysInUse);

/** A command with other keys than the nodes would encrypt what they cannot decrypt. */
async function withKeys(run: (db: Database, configured: ConfiguredKeys) => Promise<void>, claim: typeof claimKeys = claimKeys) {
  const config = readConfig();
  const configured = await loadConfiguredKeys(config);
  const db = await openDatabase(config, createLogger('silent'));
  try {
    await claim(db, configured);
    await run(db, configured);
  } finally {
    await db.close();
  }
}

const endLabels: Readonly<Record<KeyWithState['state'], string>> = {
  published: '',
  active: 'accepted until',
  retiring: 'accepted until',
  retired: 'accepted until',
  removed: 'removed',
};

const formatTime = (label: string, time: Date | null) => (time ? `${label} ${time.toISOString()}` : '');
