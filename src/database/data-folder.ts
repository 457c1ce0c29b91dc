import { closeSync, constants, existsSync, openSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** A data folder that no other process uses until it is unlocked. */
export interface DataFolder {
  /** The folder as the operator named it. */
  readonly name: string;
  /** The path to use. On Linux it leads to the same folder after the folder was moved. */
  readonly path: string;
  unlock(): Promise<void>;
}

const lockFile = 'postgres.lock';
const processIdFile = 'lock';
const lockTimeout = 1_000; // milliseconds; of processes that start at the same moment one wins, the others wait for so long
/** The locks of this process. A lock that nothing refers to would be released with its garbage. */
const heldLocks = new Set<DatabaseSync>();
const sqliteErrors = { busy: 5, notADatabase: 26 }; // https://www.sqlite.org/rescode.html

/**
 * Creates the folder if it does not exist, and locks it until the process ends or unlocks it. The lock is one of the operating system, taken by
 * SQLite: the kernel gives it to one process, and takes it back when that process ends in whatever way. It belongs to the file, so the path,
 * process ids and containers do not matter. The file is never deleted, because a lock on a deleted file excludes no process.
 */
export async function lockDataFolder(name: string): Promise<DataFolder> {
  await createDataFolder(name);
  const lock = await acquireLock(name);
  const { path, close } = openFolder(name);
  const unlock = async () => {
    await rm(join(path, processIdFile), { force: true });
    close();
    release(lock);
  };
  // Only for the message to a second process.
  await writeFile(join(path, processIdFile), String(process.pid)).catch((error: NodeJS.ErrnoException) => {
    release(lock);
    rejectFolder(join(name, processIdFile), error);
  });
  return { name, path, unlock };
}

/** Opens a folder. On Linux its path stays short, and leads to the same folder after the folder was moved. */
export function openFolder(name: string): { readonly path: string; close(): void } {
  const descriptor = openSync(name, constants.O_RDONLY | constants.O_DIRECTORY);
  const followed = `/proc/self/fd/${descriptor}`;
  return { path: existsSync(followed) ? followed : name, close: () => closeSync(descriptor) };
}

/** Creates the folder, for this user only, if it does not exist. */
export const createDataFolder = (name: string) =>
  mkdir(name, { recursive: true, mode: 0o700 }).catch((error: NodeJS.ErrnoException) => rejectFolder(name, error));

async function acquireLock(name: string): Promise<DatabaseSync> {
  const file = join(name, lockFile);
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(file, { timeout: lockTimeout });
    lock.exec('begin exclusive');
    heldLocks.add(lock);
    return lock;
  } catch (error) {
    lock?.close();
    const { errcode, message } = error as Error & { errcode?: number };
    if (errcode === sqliteErrors.busy) return rejectSecondProcess(name);
    if (errcode === sqliteErrors.notADatabase) {
      throw new Error(`The file ${file} is not a lock file of Fieldgate. Delete it while no server uses the folder.`);
    }
    throw new Error(
      `The file ${file} cannot be locked (${message}). The server must be able to write it, on a file system that supports locks.`,
    );
  }
}

function release(lock: DatabaseSync) {
  heldLocks.delete(lock);
  lock.close();
}

/** Another process has the data folder open. */
export class FolderInUseError extends Error {}

async function rejectSecondProcess(name: string): Promise<never> {
  const owner = Number(await readFile(join(name, processIdFile), 'utf8').catch(() => ''));
  throw new FolderInUseError(
    `Another process${isRunning(owner) ? ` (${owner})` : ''} has the database in ${name} open, and the embedded database serves one process at a time. Stop that one first.`,
  );
}

function isRunning(pid: number) {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const folderErrors: Record<string, string> = {
  EEXIST: 'is not a folder',
  ENOTDIR: 'is not a folder, or is below a file',
  EACCES: 'cannot be written: the user of the server has no permission',
  EPERM: 'cannot be written: the user of the server has no permission',
  EROFS: 'cannot be written: the file system is read-only',
  ENOSPC: 'cannot be written: the disk is full',
  EDQUOT: 'cannot be written: the disk quota is used up',
  EISDIR: 'is a folder, but should be a file',
};

/** Throws an error that names the file or folder and says what is wrong with it. */
export function rejectFolder(path: string, { code, message }: NodeJS.ErrnoException): never {
  throw new Error(`Setting DATA_DIR: ${path} ${folderErrors[code ?? ''] ?? `cannot be used: ${message}`}`);
}

/**
 * True if there is a database of this PostgreSQL version in the subfolder, false if it must be created. Throws an error that names what is
 * damaged: PostgreSQL itself would create an empty database over data that lost its version file.
 */
export async function hasDatabase(folder: DataFolder, subfolder: string, version: number): Promise<boolean> {
  const path = join(folder.path, subfolder);
  const name = join(folder.name, subfolder);
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? undefined : rejectFolder(name, error),
  );
  if (!found) return false;
  if (!(await lstat(`${path}/.`).catch(() => undefined))?.isDirectory()) throw new Error(`${name} is not a folder. ${restore}`);
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => rejectFolder(name, error));
  if (names.length === 0) return false;
  const missing = requiredFiles.find((file) => !existsSync(join(path, file)));
  if (missing) throw new Error(`The database in ${name} is damaged: the file ${missing} is missing. ${restore}`);
  const text = await readFile(join(path, 'PG_VERSION'), 'utf8').catch((error: NodeJS.ErrnoException) =>
    rejectFolder(join(name, 'PG_VERSION'), error),
  );
  if (text.trim() === String(version)) return true;
  if (/^\d+$/.test(text.trim())) {
    throw new Error(
      `The database in ${name} is of PostgreSQL ${text.trim()}, but this version of Fieldgate needs ${version}. Start the version that created it.`,
    );
  }
  throw new Error(`The database in ${name} is damaged: the file PG_VERSION does not name a version. ${restore}`);
}

const requiredFiles = ['PG_VERSION', 'global/pg_control', 'global', 'base', 'pg_wal', 'pg_xact', 'postgresql.conf'];
const restore = 'Restore the folder from its backup.';

const requiredSpace = 64 * 1024 * 1024; // bytes; a new database takes 40 MB

/** The error to throw when PostgreSQL could not open or create the database: its own error rarely tells the cause. */
export async function openingError(folder: DataFolder, subfolder: string, cause: unknown): Promise<Error> {
  const name = join(folder.name, subfolder);
  const { bavail, bsize } = await statfs(folder.path);
  if (bavail * bsize < requiredSpace) return new Error(`The database in ${name} cannot be opened: the disk is full.`, { cause });
  const { code, message } = (cause ?? {}) as NodeJS.ErrnoException;
  const reason = folderErrors[code ?? ''] ?? `PostgreSQL reports "${String(message).split('\n', 1)[0]}"`;
  return new Error(`The database in ${name} cannot be opened: ${reason}. It may be damaged; then restore it from its backup.`, { cause });
}
