import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import type { SqlDriverAdapter, Transaction } from '@prisma/driver-adapter-utils';
import { PrismaPGlite } from 'pglite-prisma-adapter';
import type { EmbeddedConnection } from './admitted-pool.ts';
import { migrate } from './migrate.ts';
import { checkDatabase, prepareSession } from './session.ts';

/** An open embedded PostgreSQL. */
export interface EmbeddedPostgres {
  pglite: PGlite;
  close(): Promise<void>;
}

/** Opens the embedded PostgreSQL in `dataDir`, or creates it. Throws if another process has it open. */
export async function openEmbeddedPostgres(dataDir: string): Promise<EmbeddedPostgres> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const unlock = await lock(dataDir);
  const folder = join(dataDir, 'postgres');
  try {
    if (!existsSync(folder)) await create(folder);
    const pglite = await PGlite.create(folder);
    const close = async () => {
      await pglite.close();
      await unlock();
    };
    return { pglite, close };
  } catch (error) {
    await unlock();
    throw error;
  }
}

/** Prepares the only session, and applies the missing migrations. */
export async function migrateEmbedded(pglite: PGlite): Promise<void> {
  const connection = {
    query: async <Row>(text: string, values: unknown[]) => (await pglite.query<Row>(text, values)).rows,
    execute: (script: string) => pglite.exec(script),
  };
  await prepareSession(connection);
  await checkDatabase(connection);
  await migrate(connection);
}

/** Prisma's driver adapter for the embedded PostgreSQL. */
export function createEmbeddedAdapterFactory(connection: EmbeddedConnection) {
  const factory = new PrismaPGlite(connection as PGlite);
  const connect = factory.connect.bind(factory);
  factory.connect = async () => {
    const adapter = await connect();
    adapter.startTransaction = () => startTransaction(adapter, connection);
    return adapter;
  };
  return factory;
}

/** Starts a transaction whose commit fails if the database rejects it. The adapter of version 0.7 ignores such an error. */
async function startTransaction(adapter: SqlDriverAdapter, connection: EmbeddedConnection): Promise<Transaction> {
  let commitError: Error | undefined;
  const observed: Pick<EmbeddedConnection, 'transaction'> = {
    transaction: (work) =>
      connection.transaction(work).catch((error: Error) => {
        commitError = error;
        throw error;
      }),
  };
  const inner = adapter as SqlDriverAdapter & {
    startTransactionInner(on: typeof observed, options: Transaction['options']): Promise<Transaction>;
  };
  const transaction = await inner.startTransactionInner(observed, { usePhantomQuery: true });
  const commit = transaction.commit.bind(transaction);
  transaction.commit = async () => {
    await commit();
    if (commitError) throw commitError;
  };
  return transaction;
}

/** Creates the database beside its folder and renames it, so that a killed process leaves no half of it. */
async function create(folder: string) {
  const temporary = `${folder}.making`;
  await rm(temporary, { recursive: true, force: true });
  const pglite = await PGlite.create(temporary);
  await migrateEmbedded(pglite);
  await pglite.close();
  await rename(temporary, folder);
}

async function lock(dataDir: string) {
  const file = join(dataDir, 'lock');
  const acquire = () => writeFile(file, String(process.pid), { flag: 'wx' });
  await acquire().catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    await removeStaleLock(dataDir, file);
    await acquire().catch(() => rejectSecondProcess(dataDir));
  });
  return () => rm(file, { force: true });
}

/** Removes the lock of a process that is gone. Of several processes one moves it away, and a lock taken since is put back. */
async function removeStaleLock(dataDir: string, file: string) {
  const owner = await readFile(file, 'utf8').catch(() => '');
  if (Number(owner) !== process.pid && isRunning(Number(owner))) rejectSecondProcess(dataDir, owner);
  const moved = `${file}.${process.pid}`;
  await rename(file, moved).catch(() => {});
  const movedOwner = await readFile(moved, 'utf8').catch(() => owner);
  if (movedOwner !== owner) await rename(moved, file);
  await rm(moved, { force: true });
}

function rejectSecondProcess(dataDir: string, owner?: string): never {
  throw new Error(
    `Another process${owner ? ` (${owner})` : ''} has the database in ${dataDir} open, and the embedded database serves one process at a time. Stop that one first.`,
  );
}

function isRunning(pid: number) {
  if (!pid) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
