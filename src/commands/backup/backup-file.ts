import { randomBytes } from 'node:crypto';
import { link, lstat, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

const formats = { postgres: Buffer.from('PGDMP'), embedded: Buffer.from([0x1f, 0x8b]) };

/** Finds the format of a backup by its first bytes. Throws if the file is no backup. */
export async function backupFormat(file: string): Promise<keyof typeof formats> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => rejectFile(file, error));
  if (!found.isFile()) throw new Error(`${file} is not a file.`);
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => rejectFile(file, error));
  const start = Buffer.alloc(8);
  try {
    await handle.read(start, 0, start.length, 0);
  } catch (error) {
    rejectFile(file, error as NodeJS.ErrnoException);
  } finally {
    await handle.close();
  }
  for (const name of ['postgres', 'embedded'] as const) if (start.subarray(0, formats[name].length).equals(formats[name])) return name;
  throw new Error(`${file} is not a backup of Fieldgate: it is neither an archive of pg_dump nor of an embedded database.`);
}

/**
 * Creates a file with `write`, which gets the name of a new, empty file that only this user can read. The backup gets its name when it is complete. Never
 * replaces a file unless `mayOverwrite`.
 */
export async function writeBackupFile(file: string, mayOverwrite: boolean, write: (partial: string) => Promise<void>): Promise<void> {
  if ((await exists(file)) && !mayOverwrite) rejectTaken(file);
  const partial = `${file}.${randomBytes(6).toString('hex')}.partial`; // another backup to the same name has its own
  const handle = await open(partial, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => rejectFile(partial, error));
  await handle.close();
  try {
    await write(partial);
    await flush(partial);
    await (mayOverwrite ? rename(partial, file) : publish(partial, file));
    await flush(dirname(file));
  } finally {
    await rm(partial, { force: true });
  }
}

/** Gives a complete file its name. Atomic: unlike `rename`, `link` replaces no file. */
async function publish(partial: string, file: string): Promise<void> {
  await link(partial, file).catch((error: NodeJS.ErrnoException) =>
    error.code === 'EEXIST' ? rejectTaken(file) : rejectFile(file, error),
  );
}

async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => rejectFile(path, error));
  await handle
    .sync()
    .catch((error: NodeJS.ErrnoException) => rejectFile(path, error))
    .finally(() => handle.close());
}

function rejectTaken(file: string): never {
  throw new Error(`${file} exists already. Choose another name, or replace it with --overwrite.`);
}

/** Does not open the file: opening a named pipe would wait for its other end. */
async function exists(file: string): Promise<boolean> {
  const found = await lstat(file).catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? undefined : rejectFile(file, error)));
  if (found && !found.isFile()) throw new Error(`${file} exists, and is not a file.`);
  return found !== undefined;
}

const fileErrors: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist, or its folder does not',
  ENOTDIR: 'is below a file',
  EACCES: 'cannot be used: this user has no permission',
  EPERM: 'cannot be used: this user has no permission',
  EROFS: 'cannot be written: the file system is read-only',
  ENOSPC: 'cannot be written: the disk is full',
  EISDIR: 'is a folder',
};

export function rejectFile(file: string, { code, message }: NodeJS.ErrnoException): never {
  throw new Error(`${file} ${fileErrors[code ?? ''] ?? `cannot be used: ${message}`}.`);
}
