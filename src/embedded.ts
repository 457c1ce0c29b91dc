import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { PrismaPGlite } from 'pglite-prisma-adapter';

/** An open embedded PostgreSQL, and how to close it. */
export interface Embedded {
  pglite: PGlite;
  close(): Promise<void>;
}

/** Opens, or makes, the embedded PostgreSQL in `dataDir`. Throws when another process has it open. */
export async function openEmbedded(dataDir: string): Promise<Embedded> {
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
export function embeddedFactory(pglite: PGlite) {
  const factory = new PrismaPGlite(pglite);
  const connect = factory.connect.bind(factory);
  factory.connect = async () => {
    const adapter = await connect();
    // The adapter of version 0.7 does not wait for a script, so a migration that fails would pass for applied.
    adapter.executeScript = async (script) => void (await pglite.exec(script));
    return adapter;
  };
  return factory;
}

/** A process killed during the first initdb leaves half a folder: it is made beside and renamed. */
async function create(folder: string) {
  const making = `${folder}.making`;
  await rm(making, { recursive: true, force: true });
  const pglite = await PGlite.create(making);
  await pglite.close();
  await rename(making, folder);
}

async function lock(dataDir: string) {
  const file = join(dataDir, 'lock');
  const take = () => writeFile(file, String(process.pid), { flag: 'wx' });
  await take().catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    const holder = Number(await readFile(file, 'utf8').catch(() => ''));
    if (holder !== process.pid && isRunning(holder))
      throw new Error(`Another process (${holder}) has the database in ${dataDir} open. Stop it, or set DATA_DIR to another folder.`);
    await rm(file, { force: true });
    await take();
  });
  return () => rm(file, { force: true });
}

function isRunning(pid: number) {
  if (!pid) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
