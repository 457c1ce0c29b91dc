import type DataLoader from 'dataloader';
import { createAccessState } from '../authorization/evaluate/decisions.ts';
import type { Access } from '../authorization/rules/policy.ts';
import type { Config } from '../config.ts';
import type { Database } from '../database/database.ts';
import type { ReadReceiptRecorder } from '../identity/audit/read-receipts.ts';
import type { DecoyHashes } from '../identity/credentials/foreign-hashes/decoy-hashes.ts';
import type { KeyStore } from '../identity/keys/configured-keys.ts';
import type { SecurityReports } from '../identity/security-reports.ts';
import type { RevocationFeed } from '../identity/tokens/revocation-feed.ts';
import type { UnitOfWork } from '../identity/unit-of-work.ts';
import type { Credential, Viewer, ViewerResult } from '../identity/viewer.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics.ts';
import type { PolicyTypes } from '../policy/models.ts';
import type { PolicyContext } from '../policy/policy.ts';
import { AbortableDatabase, OperationAbort } from './abortable-database.ts';

/** What a running server consists of, shared by all requests. */
export interface AppServices {
  readonly config: Config;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly reports: SecurityReports;
  readonly db: Database;
  readonly keys: KeyStore;
  /** The token revocations of all nodes. */
  readonly revocations: RevocationFeed;
  /** Loads the callers of the same tick in one statement; caches nothing. */
  readonly loadViewer: Pick<DataLoader<Credential, ViewerResult>, 'load'>;
  /** The access rules of the schema. */
  readonly access: Access<PolicyTypes>;
  /** The hashes that are verified for login names without an account. */
  readonly decoys: DecoyHashes;
  /** Records who has read sensitive fields. */
  readonly receipts: Pick<ReadReceiptRecorder, 'record'>;
}

/** What the resolvers of one operation, or of one event of a subscription, share. Never shared between two of them. */
export interface Context extends AppServices, UnitOfWork, PolicyContext {
  /** Aborted when the operation times out or its client disconnects. From then on, `db` throws. */
  readonly abort: OperationAbort;
  /** When the presented token expires. */
  readonly tokenExpiresAt: Date | null;
  /** The id of the key that signed it; null for an API token. */
  readonly signingKeyId: string | null;
  /** The session that the operation has opened or continued, which its line in the log has. */
  enteredSession?: { readonly id: string; readonly userId: string };
}

export function createContext(
  services: AppServices,
  { client, events }: UnitOfWork,
  viewer: Viewer | null,
  { tokenExpiresAt, signingKeyId }: Pick<Context, 'tokenExpiresAt' | 'signingKeyId'> = noToken,
): Context {
  const { config, log, metrics, reports, db, keys, revocations, loadViewer, decoys, receipts, access } = services;
  const abort = new OperationAbort();
  return {
    config,
    log,
    metrics,
    reports,
    db: new AbortableDatabase(db, abort),
    keys,
    revocations,
    loadViewer,
    decoys,
    receipts,
    client,
    events,
    abort,
    tokenExpiresAt,
    signingKeyId,
    loggedDenials: new Map(),
    ...createAccessState(access, viewer),
  };
}

const noToken = { tokenExpiresAt: null, signingKeyId: null };

/** Switches the rest of the operation to `viewer`, with empty caches: after a write, cached decisions may be wrong. */
export function switchViewer(context: Context, viewer: Viewer | null) {
  Object.assign(context, createAccessState(context.access, viewer));
}
