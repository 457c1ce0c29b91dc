import DataLoader from 'dataloader';
import { openReceipts } from '../identity/audit/read-receipts.ts';
import { type Credential, identify } from '../identity/viewer.ts';
import type { Config } from '../config.ts';
import type { Ground } from '../graphql/context.ts';
import { connect, type Database } from '../database/database.ts';
import type { Log } from '../lib/logger.ts';
import { loadKeys } from '../identity/keys/configured-keys.ts';
import { openKeys } from '../identity/keys/key-store.ts';
import { openTail } from '../identity/tokens/revocation-feed.ts';
import { openWakeUps, type WakeUps } from '../identity/tokens/revocation-notifier.ts';

/** What operations stand on, opened. */
export interface OpenGround {
  readonly ground: Ground;
  readonly wakeUps: WakeUps;
  close(): Promise<void>;
}

/** Opens keys, database and what is heard of revocations. `database` is given where it is open already; then it stays open. */
export async function openGround(config: Config, log: Log, database?: Database): Promise<OpenGround> {
  const configured = await loadKeys(config);
  const db = database ?? (await connect(config, log));
  const keys = await openKeys(db, log, configured);
  const wakeUps = openWakeUps(config, db, log);
  const revocations = await openTail({ query: db.query, listen: wakeUps.listen }, log);
  const identifying = new DataLoader((credentials: readonly Credential[]) => identify(db, credentials, config.FRESHNESS), {
    cache: false,
    maxBatchSize: 500,
  });
  const receipts = openReceipts(db, log);
  return {
    ground: { config, log, keys, db, revocations, identify: identifying, receipts },
    wakeUps,
    async close() {
      wakeUps.close();
      await Promise.all([revocations.close(), receipts.close(), keys.close()]);
      if (!database) await db.close();
    },
  };
}
