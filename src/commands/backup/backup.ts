import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { type Config, readConfig } from '../../config.ts';
import { databaseTargets } from '../../database/database.ts';
import { hasEmbeddedPostgres, openEmbeddedPostgres } from '../../database/embedded-postgres.ts';
import { loadExistingKeys } from '../../identity/keys/configured-keys.ts';
import { type Arguments, type Command, exitCodes, type Output } from '../command.ts';
import { connectToServer, sendCommand } from '../send-command.ts';
import { type BackupContent, describeContent, requireUsable } from './backup-content.ts';
import { backupFormat, writeBackupFile } from './backup-file.ts';
import { readEmbeddedArchive, readEmbeddedContent, writeArchive } from './embedded-backup.ts';
import { readArchive, verifyArchive } from './postgres-archive.ts';
import { runProgram, withConnection } from './postgres-tools.ts';

/** Backs up the database into a file, also while servers run, or verifies such a file. Does not migrate the database. */
export const backup: Command = {
  description: [
    'backs up the database into a file, also while servers run; with --verify,',
    'reads such a file and compares it with this version and its keys',
  ],
  positionals: ['file'],
  flags: ['overwrite', 'verify'],
  async runLocally({ positionals: [name = ''], flags }: Arguments, output: Output) {
    const config = readConfig();
    const file = resolve(name);
    if (flags.includes('verify')) return verify(config, file, output);
    return config.DATABASE_URL ? backUpPostgres(config, file, flags, output) : backUpEmbedded(config, file, flags, output);
  },
  // The server that has the embedded database open writes the file.
  async run({ db, print }, { positionals: [file = ''], flags }) {
    await writeBackupFile(file, flags.includes('overwrite'), async (partial) => {
      if (!db.archive) throw new Error('The server does not have an embedded database.');
      await writeArchive(partial, await db.archive());
    });
    print(await report(file));
    return exitCodes.done;
  },
};

async function backUpPostgres(config: Config, file: string, flags: readonly string[], { out }: Output): Promise<number> {
  const target = databaseTargets(config)?.direct;
  if (!target) return exitCodes.failed;
  await withConnection(target, (connection) =>
    writeBackupFile(file, flags.includes('overwrite'), async (partial) => {
      await runProgram('pg_dump', ['--format=custom', '--no-password', `--file=${partial}`], connection);
      requireUsable(await readArchive(partial), undefined);
    }),
  );
  out(await report(file));
  return exitCodes.done;
}

async function backUpEmbedded({ DATA_DIR }: Config, file: string, flags: readonly string[], output: Output): Promise<number> {
  const connection = await connectToServer(DATA_DIR);
  if (connection) return sendCommand(connection, ['backup', file, ...flags.map((flag) => `--${flag}`)], '', output);
  if (!hasEmbeddedPostgres(DATA_DIR)) throw new Error(`There is no database in ${DATA_DIR}.`);
  const { pglite, close } = await openEmbeddedPostgres(DATA_DIR);
  try {
    await writeBackupFile(file, flags.includes('overwrite'), async (partial) => writeArchive(partial, await pglite.dumpDataDir('gzip')));
  } finally {
    await close();
  }
  output.out(await report(file));
  return exitCodes.done;
}

async function report(file: string): Promise<string> {
  const { size } = await stat(file);
  return `Wrote ${file} (${Math.ceil(size / 1024)} kB). Restoring it needs JWT_KEYS and ENCRYPTION_KEYS, which it does not contain: keep them in another place.`;
}

/** Reads the whole backup, and compares it with this version and, if they are configured, with its keys. */
async function verify(config: Config, file: string, { out }: Output): Promise<number> {
  const content = (await backupFormat(file)) === 'postgres' ? await verifyPostgres(file) : await verifyEmbedded(file);
  const configured = await loadExistingKeys(config);
  requireUsable(content, configured);
  out(`${file} can be restored. ${describeContent(content)}${configured ? '' : ' Its keys were not compared: none are configured.'}`);
  return exitCodes.done;
}

async function verifyPostgres(file: string): Promise<BackupContent> {
  await verifyArchive(file);
  return readArchive(file);
}

async function verifyEmbedded(file: string): Promise<BackupContent> {
  const pglite = await loadArchive(file);
  const content = await readEmbeddedContent(pglite);
  await pglite.close();
  return content;
}

const loadArchive = async (file: string) => {
  const loadDataDir = await readEmbeddedArchive(file);
  return PGlite.create({ loadDataDir }).catch(() => {
    throw new Error(`${file} is damaged, or not a backup of an embedded database.`);
  });
};
