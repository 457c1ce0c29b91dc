import DataLoader from 'dataloader';
import type { Rule } from '../authorization/rules/rule.ts';
import type { Config } from '../config.ts';
import type { Database } from '../database/database.ts';
import type { ReadReceiptRecorder } from '../identity/audit/read-receipts.ts';
import type { KeyStore } from '../identity/keys/configured-keys.ts';
import type { RevocationFeed } from '../identity/tokens/revocation-feed.ts';
import type { UnitOfWork } from '../identity/unit-of-work.ts';
import type { Credential, Viewer, ViewerResult } from '../identity/viewer.ts';
import type { Logger } from '../lib/logger.ts';
import type { Model, Row } from '../policy/ownership.ts';
import { AbortableDatabase } from './abortable-database.ts';

/** What a running server consists of, shared by all requests. */
export interface AppServices {
  readonly config: Config;
  readonly log: Logger;
  readonly db: Database;
  readonly keys: KeyStore;
  /** The token revocations of all nodes. */
  readonly revocations: RevocationFeed;
  /** Loads the callers of the same tick in one statement; caches nothing. */
  readonly loadViewer: Pick<DataLoader<Credential, ViewerResult>, 'load'>;
  /** Records who has read sensitive fields. */
  readonly receipts: Pick<ReadReceiptRecorder, 'record'>;
}

/** What is known so far of a rule about the rows of a model, for one viewer. */
export interface RuleDecisions {
  /** What the viewer alone settles; undefined where a row decides. */
  readonly always: boolean | undefined;
  /** What was settled ahead, by the row as it was read and not by its id: another reading of it may know more. */
  readonly byRow: Map<Row, boolean>;
  /** Asks the database about a row by its id, once for all that are asked about in the same tick. */
  readonly load: (id: string) => Promise<boolean>;
}

/** What the resolvers of one operation, or of one event of a subscription, share. Never shared between two of them. */
export interface Context extends AppServices, UnitOfWork {
  /** Aborted when the operation times out or its client disconnects. From then on, `db` throws. */
  readonly abort: AbortController;
  /** When the presented token expires. */
  readonly tokenExpiresAt: Date | null;
  /** The id of the key that signed it; null for an API token. */
  readonly signingKeyId: string | null;
  /** The authenticated caller; null if anonymous. */
  viewer: Viewer | null;
  /** What is known of rules, for the rows of a model or, under null, without one. */
  decisionCache: Map<Model | null, Map<Rule, RuleDecisions>>;
  /** What is asked of the database once for all who ask in the same tick. */
  loaders: Map<string, DataLoader<string, unknown>>;
  /** The ids of the denials that this operation has logged. */
  readonly loggedDenials: Map<string, string>;
}

export function createContext(
  services: AppServices,
  { client, events }: UnitOfWork,
  viewer: Viewer | null,
  { tokenExpiresAt, signingKeyId }: Pick<Context, 'tokenExpiresAt' | 'signingKeyId'> = noToken,
): Context {
  const { config, log, db, keys, revocations, loadViewer, receipts } = services;
  const abort = new AbortController();
  return {
    config,
    log,
    db: new AbortableDatabase(db, abort),
    keys,
    revocations,
    loadViewer,
    receipts,
    client,
    events,
    abort,
    tokenExpiresAt,
    signingKeyId,
    viewer,
    decisionCache: new Map(),
    loaders: new Map(),
    loggedDenials: new Map(),
  };
}

const noToken = { tokenExpiresAt: null, signingKeyId: null };

/** Switches the rest of the operation to `viewer`, with empty caches: after a write, cached decisions may be wrong. */
export function switchViewer(context: Context, viewer: Viewer | null) {
  context.viewer = viewer;
  context.decisionCache = new Map();
  context.loaders = new Map();
}

/** The batch of that name for this context; `load` is called with all keys that were asked for in one tick. */
export function getLoader<T>(context: Pick<Context, 'loaders'>, name: string, load: (keys: readonly string[]) => Promise<T[]>) {
  const batch = context.loaders.get(name) ?? new DataLoader<string, T>(load);
  if (!context.loaders.has(name)) context.loaders.set(name, batch);
  return batch as DataLoader<string, T>;
}
