import { existsSync } from 'node:fs';
import { chmod, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import type { SqlDriverAdapter, Transaction } from '@prisma/driver-adapter-utils';
import { PrismaPGlite } from 'pglite-prisma-adapter';
import type { EmbeddedConnection } from './admitted-pool.ts';
import { type DataFolder, hasDatabase, lockDataFolder, openingError } from './data-folder.ts';
import { migrate } from './migrate.ts';
import { checkDatabase, prepareSession } from './session.ts';

/** An open embedded PostgreSQL. */
export interface EmbeddedPostgres {
  pglite: PGlite;
  close(): Promise<void>;
}

const subfolder = 'postgres';
const preparedSubfolder = 'postgres.prepared'; // a backup that is being restored
const replacedSubfolder = 'postgres.replaced'; // what it replaces
const version = 18; // of PGlite's PostgreSQL

/** Opens the embedded PostgreSQL in `dataDir`, or creates it. Throws if another process has it open, and if it is damaged. */
export async function openEmbeddedPostgres(dataDir: string): Promise<EmbeddedPostgres> {
  const folder = await lockDataFolder(dataDir);
  try {
    await recoverReplacement(folder);
    const path = join(folder.path, subfolder);
    const exists = await hasDatabase(folder, subfolder, version);
    const pglite = await (exists ? PGlite.create(path) : create(path)).catch(async (error) => {
      throw await openingError(folder, subfolder, error);
    });
    await chmod(path, 0o700); // PGlite creates files that all users may write, whatever the umask
    const close = async () => {
      await pglite.close();
      await folder.unlock();
    };
    return { pglite, close };
  } catch (error) {
    await folder.unlock();
    throw error;
  }
}

/** True if there is a database in the data folder. */
export const hasEmbeddedPostgres = (dataDir: string) =>
  existsSync(join(dataDir, subfolder)) || existsSync(join(dataDir, replacedSubfolder));

interface Replacement {
  /** A data folder, as PGlite dumps it. */
  readonly archive: Blob;
  readonly mayReplace: boolean;
  /** Gets the database of the archive, and closes it. If it throws, nothing is replaced. */
  prepare(pglite: PGlite): Promise<void>;
}

/**
 * Replaces the embedded database by one that is prepared beside it. Until that is complete, a process that is killed leaves the database as it was: `openEmbeddedPostgres` gives it back its
 * name. Throws if another process has the database open.
 */
export async function replaceEmbeddedPostgres(dataDir: string, { archive, mayReplace, prepare }: Replacement): Promise<void> {
  const folder = await lockDataFolder(dataDir);
  try {
    const [path, prepared, replaced] = [subfolder, preparedSubfolder, replacedSubfolder].map((name) => join(folder.path, name)) as [
      string,
      string,
      string,
    ];
    await recoverReplacement(folder);
    if (existsSync(path) && !mayReplace)
      throw new Error(`There is a database in ${dataDir}. Restore into an empty folder, or delete the database with --replace.`);
    const pglite = await PGlite.create({ dataDir: prepared, loadDataDir: archive }).catch((cause: Error) => {
      throw new Error('The backup is damaged, or not of an embedded database of this version.', { cause });
    });
    try {
      await prepare(pglite);
    } catch (error) {
      if (!pglite.closed) await pglite.close();
      throw error;
    }
    if (existsSync(path)) await rename(path, replaced);
    await rename(prepared, path);
    await rm(replaced, { recursive: true, force: true });
  } finally {
    await rm(join(folder.path, preparedSubfolder), { recursive: true, force: true });
    await folder.unlock();
  }
}

/**
 * Completes or undoes what a killed process has left of a replacement. A database that was prepared may contain live access, and one that was replaced
 * must not come back later.
 */
async function recoverReplacement({ path }: DataFolder): Promise<void> {
  const [current, prepared, replaced] = [subfolder, preparedSubfolder, replacedSubfolder].map((name) => join(path, name)) as [
    string,
    string,
    string,
  ];
  await rm(prepared, { recursive: true, force: true });
  if (existsSync(current)) await rm(replaced, { recursive: true, force: true });
  else if (existsSync(replaced)) await rename(replaced, current);
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
async function create(path: string): Promise<PGlite> {
  const temporary = `${path}.making`;
  await rm(temporary, { recursive: true, force: true });
  const pglite = await PGlite.create(temporary);
  await migrateEmbedded(pglite);
  await pglite.close();
  await rename(temporary, path);
  return PGlite.create(path);
}
