import type { Database } from '../database/database.ts';

/** The database as one operation uses it: once the operation is aborted, every access throws the reason. */
export class AbortableDatabase implements Database {
  readonly #db: Database;
  readonly #abort: AbortController;

  constructor(db: Database, abort: AbortController) {
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

  get close() {
    return this.#db.close;
  }

  #unlessAborted(): Database {
    this.#abort.signal.throwIfAborted();
    return this.#db;
  }
}
