/** Something that a piece of work counts towards while it holds a slot, and how many slots it may have at once. */
export interface Limit {
  readonly key: string;
  readonly max: number;
}

/** A piece of work that needs a slot. */
export interface Entrant {
  /** Lower ranks go first. The work of a rank waits in one line. */
  readonly rank: number;
  readonly limits: readonly Limit[];
  /** Whose work it is. Within a rank, the party with the fewest slots goes first, then the one whose last turn was the longest ago. */
  readonly party: string;
  /** How many milliseconds it may wait for a slot. */
  readonly maxWait: number;
}

/** The work of a rank. */
export interface Load {
  /** The number with a slot. */
  readonly running: number;
  readonly waiting: number;
  /** The number that has been rejected. */
  readonly rejected: number;
}

/** Frees a slot. Calling it again does nothing. */
export type Release = () => void;

interface Waiter {
  readonly entrant: Entrant;
  readonly admit: (release: Release) => void;
  readonly reject: () => void;
}

interface GateOptions {
  /** The number of slots. */
  readonly capacity: number;
  /** How many may wait in each rank. */
  readonly maxWaiting: number;
  /** Creates the error for work that gets no slot. */
  readonly busy: () => Error;
}

/** A number of slots that are shared by rank, limits and party. What gets no slot waits, bounded in number and time. */
export class FairGate {
  readonly #options: GateOptions;
  readonly #counts = new Map<string, number>();
  readonly #lines: Waiter[][] = [];
  readonly #rejected: number[] = [];
  /** The last turn of each party that is waiting. */
  readonly #turns = new Map<string, number>();
  #turn = 0;
  #free: number;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#free = options.capacity;
  }

  /** Takes a slot if one is free. */
  tryEnter(entrant: Entrant): Release | undefined {
    return this.#fits(entrant) ? this.#take(entrant) : undefined;
  }

  /** Takes a slot, or waits for one. Rejects at once if too much is waiting, and when the wait is over. */
  enter(entrant: Entrant): Promise<Release> {
    const release = this.tryEnter(entrant);
    if (release) return Promise.resolve(release);
    const line = this.#lines[entrant.rank] ?? [];
    this.#lines[entrant.rank] = line;
    if (!this.#hasRoom(line, entrant.party)) return Promise.reject(this.#reject(entrant));
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer);
        line.splice(line.indexOf(waiter), 1);
        if (!line.some((other) => other.entrant.party === entrant.party)) this.#turns.delete(partyKey(entrant));
      };
      const waiter: Waiter = {
        entrant,
        admit: (slot) => {
          leave();
          resolve(slot);
        },
        reject: () => {
          leave();
          reject(this.#reject(entrant));
        },
      };
      const timer = setTimeout(waiter.reject, entrant.maxWait);
      line.push(waiter);
    });
  }

  /** The amount of work of a rank. */
  load(rank: number): Load {
    return { running: this.#count(rankKey({ rank })), waiting: this.#lines[rank]?.length ?? 0, rejected: this.#rejected[rank] ?? 0 };
  }

  #reject({ rank }: Entrant): Error {
    this.#rejected[rank] = (this.#rejected[rank] ?? 0) + 1;
    return this.#options.busy();
  }

  #fits({ limits }: Entrant): boolean {
    return this.#free > 0 && limits.every(({ key, max }) => this.#count(key) < max);
  }

  #take(entrant: Entrant): Release {
    const keys = [...entrant.limits.map(({ key }) => key), partyKey(entrant), rankKey(entrant)];
    this.#free -= 1;
    for (const key of keys) this.#counts.set(key, this.#count(key) + 1);
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      this.#free += 1;
      for (const key of keys) this.#decrement(key);
      this.#admitWaiting();
    };
  }

  #count(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  #decrement(key: string) {
    const left = this.#count(key) - 1;
    if (left > 0) this.#counts.set(key, left);
    else this.#counts.delete(key);
  }

  #admitWaiting() {
    for (let next = this.#nextWaiter(); next; next = this.#nextWaiter()) {
      this.#turn += 1;
      this.#turns.set(partyKey(next.entrant), this.#turn);
      next.admit(this.#take(next.entrant));
    }
  }

  #nextWaiter(): Waiter | undefined {
    if (this.#free === 0) return undefined;
    for (const line of this.#lines) {
      const next = line && this.#fairest(line);
      if (next) return next;
    }
    return undefined;
  }

  /** Of those that fit, the first waiter of the party with the fewest slots and, among such, the one whose last turn was the longest ago. */
  #fairest(line: readonly Waiter[]): Waiter | undefined {
    let fairest: Waiter | undefined;
    let [fewest, earliest] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (const waiter of line) {
      const key = partyKey(waiter.entrant);
      const [count, turn] = [this.#count(key), this.#turns.get(key) ?? 0];
      if (count > fewest || (count === fewest && turn >= earliest) || !this.#fits(waiter.entrant)) continue;
      fairest = waiter;
      [fewest, earliest] = [count, turn];
    }
    return fairest;
  }

  /** In a full line, the party with the most waiters loses its newest one to a party with fewer. */
  #hasRoom(line: readonly Waiter[], party: string): boolean {
    if (line.length < this.#options.maxWaiting) return true;
    const byParty = Map.groupBy(line, ({ entrant }) => entrant.party);
    const largest = [...byParty.values()].reduce((one, other) => (other.length > one.length ? other : one), []);
    if (largest.length <= (byParty.get(party)?.length ?? 0) + 1) return false;
    largest.at(-1)?.reject();
    return true;
  }
}

const rankKey = ({ rank }: Pick<Entrant, 'rank'>) => `rank ${rank}`;

const partyKey = ({ rank, party }: Entrant) => `party ${rank} ${party}`;
