import type { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { AdmittedPool } from './admitted-pool.ts';
import { beginPrepared } from './session.ts';
import { requireFinishedRestore } from './unfinished-restore.ts';

type Adapter = Awaited<ReturnType<PrismaPg['connect']>>;

/**
 * A pool of connections to a pooler in transaction mode. Each transaction may get another session of the database, which other clients have
 * used. So every statement is in a transaction, which begins with the settings that the server relies on, and no statement has a name.
 */
export class TransactionPool extends AdmittedPool {
  readonly #settings: ReturnType<typeof beginPrepared>;

  constructor(options: pg.PoolConfig & { max: number }, settings: Readonly<Record<string, string>>) {
    super(options);
    const { begin, prepare } = beginPrepared(settings);
    this.#settings = { begin, prepare: `${prepare}; ${requireFinishedRestore}` };
  }

  // biome-ignore lint/suspicious/noExplicitAny: the overloads of the driver; Prisma and `Database.query` use this one
  override query(statement: any): any {
    return this.#runInTransaction(statement);
  }

  async #runInTransaction({ name: _, ...statement }: pg.QueryConfig): Promise<pg.QueryResult> {
    const client = await this.connect();
    try {
      const { begin, prepare } = this.#settings;
      await client.query({ text: `${begin}; ${prepare}`, query_timeout: this.options.connectionTimeoutMillis } as pg.QueryConfig); // waits for a session
      const result = await client.query(statement);
      await client.query('commit');
      client.release();
      return result;
    } catch (error) {
      // What the database has rejected leaves a transaction to roll back. After other faults the connection is in an unknown state.
      const fault = error instanceof pg.DatabaseError ? await client.query('rollback').then(() => undefined, asError) : asError(error);
      client.release(fault);
      throw error;
    }
  }

  /** Makes the transactions of Prisma begin with the settings. */
  prepareTransactions(factory: PrismaPg): PrismaPg {
    const connectAdapter = factory.connect.bind(factory);
    factory.connect = async () => this.#prepareAdapter(await connectAdapter());
    return factory;
  }

  #prepareAdapter(adapter: Adapter): Adapter {
    const startTransaction = adapter.startTransaction.bind(adapter);
    const execute = (transaction: Awaited<ReturnType<typeof startTransaction>>, sql: string) =>
      transaction.executeRaw({ sql, args: [], argTypes: [] });
    adapter.startTransaction = async (isolationLevel = 'READ COMMITTED') => {
      const transaction = await startTransaction();
      try {
        await execute(transaction, `set transaction isolation level ${isolationLevel}; ${this.#settings.prepare}`);
        return transaction;
      } catch (error) {
        await execute(transaction, 'rollback').catch(() => {});
        await transaction.rollback(); // only returns the connection
        throw error;
      }
    };
    return adapter;
  }
}

const asError = (error: unknown) => (error instanceof Error ? error : new Error(String(error)));
