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

/** What a running server stands on. */
export interface AppServices {
  readonly config: Config;
  readonly log: Logger;
  readonly db: Database;
  readonly keys: KeyStore;
  /** What this node hears of revocations. */
  readonly revocations: RevocationFeed;
  /** Reads callers in one statement for all who ask in the same tick; remembers nothing. */
  readonly loadViewer: Pick<DataLoader<Credential, ViewerResult>, 'load'>;
  /** Takes down who read what is sensitive. */
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

/** What the resolvers of one operation, or of one event of a subscription, share. Never shared between two. */
export interface Context extends AppServices, UnitOfWork {
  /** When the access token ends that the request came with. */
  readonly tokenExpiresAt: Date | null;
  /** The id of the key that signed it; null where no key did. */
  readonly signingKeyId: string | null;
  /** Who is asking; null for nobody. */
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
  shown: Pick<Context, 'tokenExpiresAt' | 'signingKeyId'> = none,
): Context {
  const { tokenExpiresAt, signingKeyId } = shown;
  const { config, log, db, keys, revocations, loadViewer, receipts } = services;
  const remembered = { decisionCache: new Map(), loaders: new Map(), loggedDenials: new Map() };
  return { config, log, db, keys, revocations, loadViewer, receipts, client, events, tokenExpiresAt, signingKeyId, viewer, ...remembered };
}

const none = { tokenExpiresAt: null, signingKeyId: null };

/** Makes the rest of the operation ask as `viewer`, with nothing remembered: after a write, what was true before it may not be. */
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
