import DataLoader from 'dataloader';
import { accessOf } from '../authorization/rules/registry.ts';
import type { Config } from '../config.ts';
import { type Database, openDatabase } from '../database/database.ts';
import type { AppServices } from '../graphql/context.ts';
import { createReadReceiptRecorder } from '../identity/audit/read-receipts.ts';
import { loadConfiguredKeys } from '../identity/keys/configured-keys.ts';
import { createKeyStore } from '../identity/keys/key-store.ts';
import { createRevocationFeed } from '../identity/tokens/revocation-feed.ts';
import { createNotifier, type Notifier } from '../identity/tokens/revocation-notifier.ts';
import { type Credential, loadViewers } from '../identity/viewer.ts';
import type { Logger } from '../lib/logger.ts';
import { schema } from '../schema/schema.ts';

/** What operations stand on, opened. */
export interface OpenServices {
  readonly services: AppServices;
  readonly notifier: Notifier;
  close(): Promise<void>;
}

/** Opens keys, database and what is heard of revocations. `database` is given where it is open already; then it stays open. */
export async function createServices(config: Config, log: Logger, database?: Database): Promise<OpenServices> {
  const configured = await loadConfiguredKeys(config);
  const db = database ?? (await openDatabase(config, log));
  const keys = await createKeyStore(db, log, configured);
  const notifier = createNotifier(config, db, log);
  const revocations = await createRevocationFeed({ query: db.query, listen: notifier.listen }, log);
  const identifying = new DataLoader((credentials: readonly Credential[]) => loadViewers(db, credentials, config.FRESHNESS), {
    cache: false,
    maxBatchSize: 500,
  });
  const receipts = createReadReceiptRecorder(db, log);
  return {
    services: { config, log, keys, db, revocations, loadViewer: identifying, receipts, access: accessOf(schema) },
    notifier,
    async close() {
      notifier.close();
      await Promise.all([revocations.close(), receipts.close(), keys.close()]);
      if (!database) await db.close();
    },
  };
}
