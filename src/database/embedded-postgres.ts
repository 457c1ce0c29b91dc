import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import type { SqlDriverAdapter, Transaction } from '@prisma/driver-adapter-utils';
import { PrismaPGlite } from 'pglite-prisma-adapter';
import { migrate } from './migrate.ts';

/** An open embedded PostgreSQL, and how to close it. */
export interface EmbeddedPostgres {
  pglite: PGlite;
  close(): Promise<void>;
}

/** Opens, or makes, the embedded PostgreSQL in `dataDir`. Throws when another process has it open. */
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

/** Prisma's way to the embedded PostgreSQL. */
export function createEmbeddedAdapterFactory(pglite: PGlite) {
  const factory = new PrismaPGlite(pglite);
  const connect = factory.connect.bind(factory);
  factory.connect = async () => {
    const adapter = await connect();
    // The adapter of version 0.7 does not wait for a script, so a migration that fails would pass for applied.
    adapter.executeScript = async (script) => void (await pglite.exec(script));
    adapter.startTransaction = () => begin(adapter, pglite);
    return adapter;
  };
  return factory;
}

/** Begins a transaction. The adapter of version 0.7 keeps what fails at its commit to itself, so that it would pass for committed; this does not. */
async function begin(adapter: SqlDriverAdapter, pglite: PGlite): Promise<Transaction> {
  let failed: Error | undefined;
  const heard: Pick<PGlite, 'transaction'> = {
    transaction: (work) =>
      pglite.transaction(work).catch((error: Error) => {
        failed = error;
        throw error;
      }),
  };
  const inner = adapter as SqlDriverAdapter & {
    startTransactionInner(on: typeof heard, options: Transaction['options']): Promise<Transaction>;
  };
  const transaction = await inner.startTransactionInner(heard, { usePhantomQuery: true });
  const commit = transaction.commit.bind(transaction);
  transaction.commit = async () => {
    await commit();
    if (failed) throw failed;
  };
  return transaction;
}

/** A process killed during the first initdb leaves half a folder: it is made beside and renamed. */
async function create(folder: string) {
  const making = `${folder}.making`;
  await rm(making, { recursive: true, force: true });
  const pglite = await PGlite.create(making);
  await migrate(createEmbeddedAdapterFactory(pglite)); // a first migration that is cut off leaves nothing either
  await pglite.close();
  await rename(making, folder);
}

async function lock(dataDir: string) {
  const file = join(dataDir, 'lock');
  const take = () => writeFile(file, String(process.pid), { flag: 'wx' });
  await take().catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    await freeAbandoned(dataDir, file);
    await take().catch(() => refuse(dataDir));
  });
  return () => rm(file, { force: true });
}

/** Takes away the lock of a process that is gone. Of several who try at once one moves it, and nobody moves the lock that comes next. */
async function freeAbandoned(dataDir: string, file: string) {
  const holder = await readFile(file, 'utf8').catch(() => '');
  if (Number(holder) !== process.pid && isRunning(Number(holder))) refuse(dataDir, holder);
  const moved = `${file}.${process.pid}`;
  await rename(file, moved).catch(() => {});
  const found = await readFile(moved, 'utf8').catch(() => holder);
  if (found !== holder) await rename(moved, file);
  await rm(moved, { force: true });
}

function refuse(dataDir: string, holder?: string): never {
  throw new Error(
    `Another process${holder ? ` (${holder})` : ''} has the database in ${dataDir} open, and the embedded database serves one process at a time. Stop that one first.`,
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
