import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { PGlite } from '@electric-sql/pglite';
import { readAppliedMigrations } from '../../database/migrate.ts';
import { hasSigned } from '../../identity/keys/key-states.ts';
import type { BackupContent } from './backup-content.ts';
import { rejectFile } from './backup-file.ts';

/** Writes the archive of an embedded database to the disk. */
export async function writeArchive(file: string, archive: Blob): Promise<void> {
  await writeFile(file, new Uint8Array(await archive.arrayBuffer()), { flush: true }).catch((error: NodeJS.ErrnoException) =>
    rejectFile(file, error),
  );
}

/** Reads an archive as PGlite loads it. Throws if it is damaged. */
export async function readEmbeddedArchive(file: string): Promise<Blob> {
  const compressed = await readFile(file).catch((error: NodeJS.ErrnoException) => rejectFile(file, error));
  const archive = await promisify(gunzip)(compressed).catch(() => Buffer.alloc(0)); // it also compares the checksum
  if (archive.includes('PG_VERSION')) return new Blob([archive], { type: 'application/x-tar' });
  throw new Error(`${file} is damaged, or not a backup of an embedded database.`);
}

/** Reads the migrations and the key fingerprints from an open embedded database that is not migrated. */
export async function readEmbeddedContent(pglite: PGlite): Promise<BackupContent> {
  const query = async <Row>(text: string, values: unknown[]) => (await pglite.query<Row>(text, values)).rows;
  const migrations = (await readAppliedMigrations(query)) ?? [];
  if (migrations.length === 0) return { migrations, fingerprints: {}, hasRotated: false };
  const keys = await query<{ setting: string; fingerprint: string }>(
    `select setting, encode(fingerprint, 'hex') as fingerprint from "KeyInUse"`,
    [],
  );
  const [state] = await query<{ hasRotated: boolean }>(`select exists (select from "SigningKey" where ${hasSigned}) as "hasRotated"`, []);
  return {
    migrations,
    fingerprints: Object.fromEntries(keys.map(({ setting, fingerprint }) => [setting, fingerprint])),
    hasRotated: state?.hasRotated ?? false,
  };
}
