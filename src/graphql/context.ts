import DataLoader from 'dataloader';
import type { Model, Row } from '../policy/ownership.ts';
import type { Receipts } from '../identity/audit/read-receipts.ts';
import type { Rule } from '../authorization/rules/rule.ts';
import type { Credential, Identified, Viewer } from '../identity/viewer.ts';
import type { Config } from '../config.ts';
import type { Database } from '../database/database.ts';
import type { Log } from '../lib/logger.ts';
import type { Keys } from '../identity/keys/configured-keys.ts';
import type { Tail } from '../identity/tokens/revocation-feed.ts';

/** What a running server stands on. */
export interface Ground {
  readonly config: Config;
  readonly log: Log;
  readonly db: Database;
  readonly keys: Keys;
  /** What this node hears of revocations. */
  readonly revocations: Tail;
  /** Reads callers in one statement for all who ask in the same tick; remembers nothing. */
  readonly identify: Pick<DataLoader<Credential, Identified>, 'load'>;
  /** Takes down who read what is sensitive. */
  readonly receipts: Pick<Receipts, 'note'>;
}

/** Where a request comes from. */
export interface Client {
  /** The caller's network: an IPv4 address, or the first 64 bits of an IPv6 address. */
  readonly network: string;
  readonly agent: string | null;
  readonly requestId: string;
}

/** What is known so far of a rule about the rows of a model, for one viewer. */
export interface Verdicts {
  /** What the viewer alone settles; undefined where a row decides. */
  readonly always: boolean | undefined;
  /** What was settled ahead, by the row as it was read and not by its id: another reading of it may know more. */
  readonly ofRows: Map<Row, boolean>;
  /** Asks the database about a row by its id, once for all that are asked about in the same tick. */
  readonly ask: (id: string) => Promise<boolean>;
}

/** What the resolvers of one operation, or of one event of a subscription, share. Never shared between two. */
export interface Context extends Ground {
  readonly client: Client;
  /** When the access token ends that the request came with. */
  readonly until: Date | null;
  /** The id of the key that signed it; null where no key did. */
  readonly signedBy: string | null;
  /** Who is asking; null for nobody. */
  viewer: Viewer | null;
  /** What is known of rules, for the rows of a model or, under null, without one. */
  verdicts: Map<Model | null, Map<Rule, Verdicts>>;
  /** What is asked of the database once for all who ask in the same tick. */
  batches: Map<string, DataLoader<string, unknown>>;
  /** The ids of the denials that this operation has logged. */
  readonly decisions: Map<string, string>;
}

export function createContext(
  ground: Ground,
  client: Client,
  viewer: Viewer | null,
  shown: Pick<Context, 'until' | 'signedBy'> = none,
): Context {
  const { until, signedBy } = shown;
  const { config, log, db, keys, revocations, identify, receipts } = ground;
  const remembered = { verdicts: new Map(), batches: new Map(), decisions: new Map() };
  return { config, log, db, keys, revocations, identify, receipts, client, until, signedBy, viewer, ...remembered };
}

const none = { until: null, signedBy: null };

/** Makes the rest of the operation ask as `viewer`, with nothing remembered: after a write, what was true before it may not be. */
export function become(context: Context, viewer: Viewer | null) {
  context.viewer = viewer;
  context.verdicts = new Map();
  context.batches = new Map();
}

/** The batch of that name for this context; `load` is called with all keys that were asked for in one tick. */
export function batched<T>(context: Pick<Context, 'batches'>, name: string, load: (keys: readonly string[]) => Promise<T[]>) {
  const batch = context.batches.get(name) ?? new DataLoader<string, T>(load);
  if (!context.batches.has(name)) context.batches.set(name, batch);
  return batch as DataLoader<string, T>;
}
