import { AsyncLocalStorage } from 'node:async_hooks';
import type { Entrant, FairGate, Limit, Load } from '../lib/fair-gate.ts';

interface Share {
  /** The part of the connections that the work of this class may have at once. */
  readonly part: number;
  /** How many milliseconds a statement waits for a connection at most. */
  readonly maxWait: number;
}

/** A response within 2 s also if the database does not respond (security.md 23.5). */
const interactive = 1_500;
/** No client waits for it. Prisma gives up on a transaction that has not started after 5 s. */
const unattended = 4_500;

/** The classes of work that share the connections to the database, in the order in which waiting work is served. */
const workloads = {
  /** Opens, continues, checks and ends sessions, and follows their revocations. */
  authentication: { part: 1, maxWait: interactive },
  /** Events of subscriptions and of event receivers. */
  subscription: { part: 0.25, maxWait: unattended },
  /** Jobs, email delivery, and what the server writes later. */
  background: { part: 0.25, maxWait: unattended },
  /** Queries, and requests that change nothing. */
  read: { part: 0.5, maxWait: interactive },
  /** Mutations. */
  write: { part: 0.5, maxWait: interactive },
} as const satisfies Record<string, Share>;

export type WorkloadClass = keyof typeof workloads;

/** What a unit of work needs connections for. */
export interface Workload {
  readonly class: WorkloadClass;
  /** The operation, for example `Mutation.setSetting`. */
  readonly kind: string;
  /** Who asked for it: a user, or the network of an anonymous client. Undefined for the work of the server itself. */
  readonly party?: string | undefined;
}

/** The part of the connections that only `authentication` may use. */
const reservedPart = 0.3;
/** The part of a class that one kind of work may use: a slow one must leave connections to the others. */
const kindPart = 0.75;
/** The part of a class that one party may use. The mutations of a user run one after the other anyway, because each locks the user. */
const partyPart = 0.5;

const current = new AsyncLocalStorage<Workload>();

/** What is not part of a request. */
const serverWork: Workload = { class: 'background', kind: 'server' };

/** Runs work, and what it calls and awaits, as this workload. */
export const runAs = <T>(workload: Workload, work: () => T): T => current.run(workload, work);

/** The workload of the running code. */
export const currentWorkload = (): Workload => current.getStore() ?? serverWork;

/** The amount of work of each class at a gate that it enters by `entrantsOf`. */
export const loadByClass = (gate: FairGate) =>
  Object.fromEntries(Object.keys(workloads).map((name, rank) => [name, gate.load(rank)])) as Record<WorkloadClass, Load>;

/** Returns how work enters a pool of this size. A pool of one connection only serves it by rank and party. */
export function entrantsOf(poolSize: number, minWait = 0): (workload: Workload) => Entrant {
  const cached = new WeakMap<Workload, Entrant>();
  const ranks = Object.keys(workloads);
  const toEntrant = (workload: Workload): Entrant => ({
    rank: ranks.indexOf(workload.class),
    limits: limitsOf(workload, poolSize),
    party: workload.party ?? workload.kind,
    maxWait: Math.max(minWait, workloads[workload.class].maxWait),
  });
  return (workload) => {
    const entrant = cached.get(workload) ?? toEntrant(workload);
    cached.set(workload, entrant);
    return entrant;
  };
}

function limitsOf({ class: name, kind, party }: Workload, poolSize: number): Limit[] {
  const max = Math.ceil(workloads[name].part * poolSize);
  const reserved = poolSize > 1 ? Math.ceil(reservedPart * poolSize) : 0;
  return [
    ...(name === 'authentication' ? [] : [{ key: 'unreserved', max: poolSize - reserved }]),
    { key: `class ${name}`, max },
    { key: `kind ${name} ${kind}`, max: Math.ceil(kindPart * max) },
    ...(party === undefined ? [] : [{ key: `party ${name} ${party}`, max: Math.max(1, Math.floor(partyPart * max)) }]),
  ];
}
