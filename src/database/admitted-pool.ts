import type { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { type Entrant, FairGate, type Release } from '../lib/fair-gate.ts';
import { nextPause } from './reconnect-pause.ts';
import { currentWorkload, entrantsOf, loadByClass } from './workload.ts';

const maxWaiting = 500; // in each class of work; a list of 100 rows may cause 100 statements
const embeddedMaxWait = 4_500; // milliseconds: all statements share one connection, and Prisma gives up on a transaction after 5 s

/** The error for a statement that got no connection in time, with the code that Prisma has for it. */
const busy = () => Object.assign(new Error('timeout exceeded: all connections to the database are in use'), { code: 'P2024' });

type OnConnect = Parameters<pg.Pool['connect']>[0];

/**
 * A pool whose connections are shared between the classes of work, so that slow work of one kind leaves connections to the others. Waiting for
 * the share and connecting together take at most `connectionTimeoutMillis`. After a failure to connect, what needs a new connection fails with the same
 * error during a growing pause, and then one attempt decides for all.
 */
export class AdmittedPool extends pg.Pool {
  readonly #gate: FairGate;
  readonly #entrantOf: (workload: ReturnType<typeof currentWorkload>) => Entrant;
  readonly #slots = new WeakMap<pg.PoolClient, Release>();
  #failure: { readonly error: Error; readonly pause: number; retryAt: number } | undefined;

  constructor(options: pg.PoolConfig & { max: number }) {
    super(options);
    this.#gate = new FairGate({ capacity: options.max, maxWaiting, busy });
    this.#entrantOf = entrantsOf(options.max);
    // A released client is idle only when the event is over.
    this.on('release', (_, client) => queueMicrotask(() => this.#freeSlot(client)));
  }

  /** The work of each class that has a connection, or waits for one. */
  get load() {
    return loadByClass(this.#gate);
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(onConnect: OnConnect): void;
  override connect(onConnect?: OnConnect): Promise<pg.PoolClient> | undefined {
    if (onConnect) {
      this.#admit(onConnect);
      return undefined;
    }
    return new Promise((resolve, reject) => this.#admit((error, client) => (client ? resolve(client) : reject(error))));
  }

  #admit(onConnect: OnConnect) {
    const entrant = this.#entrantOf(currentWorkload());
    const slot = this.#gate.tryEnter(entrant);
    if (slot) return this.#checkOut(slot, entrant.maxWait, onConnect);
    const deadline = performance.now() + entrant.maxWait;
    this.#gate.enter(entrant).then(
      (late) => this.#checkOut(late, deadline - performance.now(), onConnect),
      (error: Error) => onConnect(error, undefined, () => {}),
    );
  }

  /** Takes a connection for the slot, and opens one if none is idle, which may take too long for work that has waited. */
  #checkOut(slot: Release, maxWait: number, onConnect: OnConnect) {
    if (this.idleCount === 0 && this.#failure) {
      if (performance.now() < this.#failure.retryAt) {
        slot();
        return onConnect(this.#failure.error, undefined, () => {});
      }
      this.#failure.retryAt = Number.POSITIVE_INFINITY; // until this attempt is over
    }
    let isTooLate = false;
    const giveUp = () => {
      isTooLate = true;
      onConnect(busy(), undefined, () => {});
    };
    const timer = this.idleCount > 0 ? undefined : setTimeout(giveUp, Math.max(0, maxWait));
    super.connect((error, client, done) => {
      clearTimeout(timer);
      if (client) {
        this.#slots.set(client, slot);
        this.#failure = undefined;
      } else {
        slot();
        this.#recordFailure(error ?? busy());
      }
      if (isTooLate) done();
      else onConnect(error, client, done);
    });
  }

  /** Attempts that began before the failure of another one do not prolong the pause. */
  #recordFailure(error: Error) {
    const { pause = 0, retryAt = Number.POSITIVE_INFINITY } = this.#failure ?? {};
    if (retryAt !== Number.POSITIVE_INFINITY) return;
    const next = nextPause(pause);
    this.#failure = { error, pause: next, retryAt: performance.now() + next };
  }

  #freeSlot(client: pg.PoolClient) {
    this.#slots.get(client)?.();
    this.#slots.delete(client);
  }
}

/** What the product uses of the embedded database. */
export type EmbeddedConnection = Pick<PGlite, 'query' | 'transaction' | 'exec' | 'dumpDataDir'>;

/** The one connection of the embedded database, for which work waits by its class. */
export function admitEmbedded(pglite: PGlite): EmbeddedConnection & Pick<AdmittedPool, 'load'> {
  const gate = new FairGate({ capacity: 1, maxWaiting, busy });
  const entrantOf = entrantsOf(1, embeddedMaxWait);
  const admitted = async <T>(work: () => Promise<T>): Promise<T> => {
    const release = await gate.enter(entrantOf(currentWorkload()));
    return work().finally(release);
  };
  return {
    query: (...args) => admitted(() => pglite.query(...args)) as never,
    transaction: (work) => admitted(() => pglite.transaction(work)),
    exec: (...args) => admitted(() => pglite.exec(...args)),
    get load() {
      return loadByClass(gate);
    },
    dumpDataDir: (compression) => admitted(() => pglite.dumpDataDir(compression)),
  };
}
