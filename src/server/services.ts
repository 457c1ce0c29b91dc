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

export interface OpenServices {
  readonly services: AppServices;
  readonly notifier: Notifier;
  close(): Promise<void>;
}

/** Opens the database, the key store and the revocation feed. A `database` that is passed is already open, and is not closed. */
export async function createServices(config: Config, log: Logger, database?: Database): Promise<OpenServices> {
  const configuredKeys = await loadConfiguredKeys(config);
  const db = database ?? (await openDatabase(config, log));
  const keys = await createKeyStore(db, log, configuredKeys);
  const notifier = createNotifier(config, db, log);
  const revocations = await createRevocationFeed({ query: db.query, listen: notifier.listen }, log);
  const loadViewer = new DataLoader((credentials: readonly Credential[]) => loadViewers(db, credentials, config.FRESHNESS), {
    cache: false, // a viewer must never be stale
    maxBatchSize: 500,
  });
  const receipts = createReadReceiptRecorder(db, log);
  return {
    services: { config, log, keys, db, revocations, loadViewer, receipts, access: accessOf(schema) },
    notifier,
    async close() {
      notifier.close();
      await Promise.all([revocations.close(), receipts.close(), keys.close()]);
      if (!database) await db.close();
    },
  };
}
