import DataLoader from 'dataloader';
import { accessOf } from '../authorization/rules/registry.ts';
import type { Config } from '../config.ts';
import { type Database, openDatabase, type Statement } from '../database/database.ts';
import { runAs, type Workload } from '../database/workload.ts';
import type { AppServices } from '../graphql/context.ts';
import { createReadReceiptRecorder } from '../identity/audit/read-receipts.ts';
import { createDecoyHashes } from '../identity/credentials/foreign-hashes/decoy-hashes.ts';
import { type ConfiguredKeys, loadConfiguredKeys } from '../identity/keys/configured-keys.ts';
import { createKeyStore } from '../identity/keys/key-store.ts';
import { claimKeys } from '../identity/keys/keys-in-use.ts';
import { createSecurityReports } from '../identity/security-reports.ts';
import { createRevocationFeed } from '../identity/tokens/revocation-feed.ts';
import { createNotifier, type Notifier } from '../identity/tokens/revocation-notifier.ts';
import { type Credential, loadViewers } from '../identity/viewer.ts';
import type { Logger } from '../logger.ts';
import { createMetrics } from '../metrics.ts';
import { schema } from '../schema/schema.ts';

export interface OpenServices {
  readonly services: AppServices;
  readonly notifier: Notifier;
  readonly configuredKeys: ConfiguredKeys;
  close(): Promise<void>;
}

/** Opens the database, the key store and the revocation feed. A `database` that is passed is already open, and is not closed. */
export async function createServices(config: Config, log: Logger, database?: Database): Promise<OpenServices> {
  const configuredKeys = await loadConfiguredKeys(config);
  const db = database ?? (await openDatabase(config, log));
  await claimKeys(db, configuredKeys);
  const keys = await createKeyStore(queryAs(db, { class: 'authentication', kind: 'keys' }), log, configuredKeys);
  const notifier = createNotifier(config, db, log);
  const revocations = await createRevocationFeed(
    { ...queryAs(db, { class: 'authentication', kind: 'revocations' }), listen: notifier.listen },
    keys,
    log,
  );
  const viewerDb = queryAs(db, { class: 'authentication', kind: 'viewers' }); // one statement may be for operations of all classes
  const loadViewer = new DataLoader((credentials: readonly Credential[]) => loadViewers(viewerDb, credentials, config.FRESHNESS), {
    cache: false, // a viewer must never be stale
    maxBatchSize: 500,
  });
  const receipts = createReadReceiptRecorder(queryAs(db, { class: 'background', kind: 'receipts' }), log);
  const decoys = createDecoyHashes(queryAs(db, { class: 'authentication', kind: 'decoys' }), keys.secret('decoy hashes'));
  const metrics = createMetrics();
  const reports = createSecurityReports(log, metrics);
  return {
    services: { config, log, metrics, reports, keys, db, revocations, loadViewer, decoys, receipts, access: accessOf(schema) },
    notifier,
    configuredKeys,
    async close() {
      notifier.close();
      await Promise.all([revocations.close(), receipts.close(), keys.close()]);
      if (!database) await db.close();
    },
  };
}

/** Runs statements as this workload, whichever operation they were caused by. */
const queryAs = (db: Database, workload: Workload): Pick<Database, 'query'> => ({
  query: <Row>(statement: Statement) => runAs(workload, () => db.query<Row>(statement)),
});
