import DataLoader from 'dataloader';
import type { Rule } from './access/rule.ts';
import type { Credential, Identified, Viewer } from './access/viewer.ts';
import type { Config } from './config.ts';
import type { Database } from './db.ts';
import type { Log } from './log.ts';
import type { Keys } from './token/keys.ts';
import type { Tail } from './token/tail.ts';

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
}

/** Where a request comes from. */
export interface Client {
  /** The caller's network: an IPv4 address, or the first 64 bits of an IPv6 address. */
  readonly network: string;
  readonly agent: string | null;
  readonly requestId: string;
}

/** What the resolvers of one operation, or of one event of a subscription, share. Never shared between two. */
export interface Context extends Ground {
  readonly client: Client;
  /** When the access token ends that the request came with. */
  readonly until: Date | null;
  /** Who is asking; null for nobody. */
  viewer: Viewer | null;
  /** Verdicts that the viewer alone settles. */
  settled: Map<Rule, boolean | undefined>;
  /** What is asked of the database once for all who ask in the same tick. */
  batches: Map<string, DataLoader<string, unknown>>;
}

export function createContext(ground: Ground, client: Client, viewer: Viewer | null, until: Date | null): Context {
  const { config, log, db, keys, revocations, identify } = ground;
  return { config, log, db, keys, revocations, identify, client, until, viewer, settled: new Map(), batches: new Map() };
}

/** Makes the rest of the operation ask as `viewer`, with nothing remembered: after a write, what was true before it may not be. */
export function become(context: Context, viewer: Viewer | null) {
  context.viewer = viewer;
  context.settled = new Map();
  context.batches = new Map();
}

/** The batch of that name for this context; `load` is called with all keys that were asked for in one tick. */
export function batched<T>(context: Context, name: string, load: (keys: readonly string[]) => Promise<T[]>) {
  const batch = context.batches.get(name) ?? new DataLoader<string, T>(load);
  if (!context.batches.has(name)) context.batches.set(name, batch);
  return batch as DataLoader<string, T>;
}
