import { readConfig } from '../src/config.ts';
import { type Database, openDatabase } from '../src/database/database.ts';
import { type ConfiguredKeys, loadConfiguredKeys } from '../src/identity/keys/configured-keys.ts';
import type { KeyWithState } from '../src/identity/keys/key-states.ts';
import { listKeys, publishedAhead, removeKey, rotateKeys } from '../src/identity/keys/rotate-keys.ts';
import { createLogger } from '../src/lib/logger.ts';

/** Lists every signing key with its state and times. */
export const printKeys = () =>
  withKeys(async (db, configured) => {
    const lines = (await listKeys(db, configured)).map((key) => [
      key.kid,
      key.state,
      key.createdAt ? `made ${key.createdAt.toISOString()}` : 'of JWT_KEYS',
      said('signs from', key.signsFrom),
      said(ends[key.state], key.until),
    ]);
    const widths = [0, 1, 2, 3].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
    for (const line of lines)
      console.log(
        line
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd(),
      );
  });

/** Makes a key that signs in 10 minutes. */
export const rotate = () => rotateIn(publishedAhead, 'signs in 10 minutes, and is published until then');

/** Makes a key that signs at once. */
export const rotateNow = () => rotateIn(0, 'signs now; whoever has fetched the keys before does not know it yet');

/** Removes a key at once. Throws where there is none of that id. */
export const remove = (kid: string) =>
  withKeys(async (db, configured) => {
    const removed = await removeKey(db, configured, kid);
    if (!removed) throw new Error('There is no key of that id; `npm run admin -- keys` lists them.');
    console.log(`${kid} is removed: what it signed is refused from now on.`);
    if (removed.successor) console.log(`${removed.successor} signs now.`);
    if (configured.pairs.some((pair) => pair.kid === kid)) console.log('Take it out of JWT_KEYS too, where another key is left in there.');
  });

const rotateIn = (after: number, what: string) =>
  withKeys(async (db, configured) => console.log(`${await rotateKeys(db, configured, after)} ${what}.`));

async function withKeys(run: (db: Database, configured: ConfiguredKeys) => Promise<void>) {
  const config = readConfig();
  const configured = await loadConfiguredKeys(config);
  const db = await openDatabase(config, createLogger('silent'));
  try {
    await run(db, configured);
  } finally {
    await db.close();
  }
}

const ends: Readonly<Record<KeyWithState['state'], string>> = {
  next: '',
  signs: 'accepted until',
  verifies: 'accepted until',
  retired: 'accepted until',
  removed: 'removed',
};

const said = (what: string, when: Date | null) => (when ? `${what} ${when.toISOString()}` : '');
