import type { Database } from '../database/database.ts';

/** Ends an operation. The signal is created only for a resolver that waits for it: creating one for every request measurably slows `me`. */
export class OperationAbort {
  #reason: Error | undefined;
  #controller: AbortController | undefined;

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#reason) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  abort(reason: Error) {
    this.#reason ??= reason;
    this.#controller?.abort(this.#reason);
  }

  throwIfAborted() {
    if (this.#reason) throw this.#reason;
  }
}

/** The database as one operation uses it: once the operation is aborted, every access throws the reason. */
export class AbortableDatabase implements Database {
  readonly #db: Database;
  readonly #abort: OperationAbort;

  constructor(db: Database, abort: OperationAbort) {
    this.#db = db instanceof AbortableDatabase ? db.#db : db;
    this.#abort = abort;
  }

  get prisma() {
    return this.#unlessAborted().prisma;
  }

  get query() {
    return this.#unlessAborted().query;
  }

  get listen() {
    return this.#unlessAborted().listen;
  }

  get load() {
    return this.#db.load;
  }

  get close() {
    return this.#db.close;
  }

  #unlessAborted(): Database {
    this.#abort.throwIfAborted();
    return this.#db;
  }
}
