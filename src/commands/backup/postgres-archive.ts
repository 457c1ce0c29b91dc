import { hasRowSigned } from '../../identity/keys/key-states.ts';
import type { BackupContent } from './backup-content.ts';
import { runProgram } from './postgres-tools.ts';

/** Reads the migrations and the key fingerprints from an archive of `pg_dump`. */
export async function readArchive(file: string): Promise<BackupContent> {
  const tables = ['_prisma_migrations', 'KeyInUse', 'SigningKey'];
  const script = await runProgram('pg_restore', ['--data-only', ...tables.map((table) => `--table=${table}`), '--file=-', file]);
  const rows = parseCopies(script);
  const migrations = (rows.get('_prisma_migrations') ?? []).filter((row) => row.finished_at !== null && row.rolled_back_at === null);
  return {
    migrations: migrations.map((row) => row.migration_name ?? '').sort(),
    fingerprints: Object.fromEntries((rows.get('KeyInUse') ?? []).map((row) => [row.setting, row.fingerprint?.replace(/^\\x/, '')])),
    hasRotated: (rows.get('SigningKey') ?? []).some(({ publicJwk, removedAt, activeFrom }) =>
      hasRowSigned({ publicJwk, removedAt, activeFrom: activeFrom ? new Date(activeFrom) : null }, new Date()),
    ),
  };
}

/** Reads every byte of an archive. Throws if it is damaged. */
export async function verifyArchive(file: string): Promise<void> {
  await runProgram('pg_restore', ['--file=/dev/null', file]);
}

type Row = Readonly<Record<string, string | null>>;

/** The rows of the COPY statements of a script, by table (https://www.postgresql.org/docs/current/sql-copy.html, Text Format). */
function parseCopies(script: string): Map<string, Row[]> {
  const tables = new Map<string, Row[]>();
  const copies = script.matchAll(/^COPY public\."?(?<table>\w+)"? \((?<columns>[^)]*)\) FROM stdin;\n(?<lines>(?:.*\n)*?)\\\.$/gm);
  for (const { groups } of copies) {
    const columns = (groups?.columns ?? '').split(', ').map((column) => column.replaceAll('"', ''));
    const lines = (groups?.lines ?? '').split('\n').slice(0, -1);
    const rows = lines.map((line) => {
      const values = line.split('\t');
      return Object.fromEntries(columns.map((column, index) => [column, decodeValue(values[index] ?? '')]));
    });
    tables.set(groups?.table ?? '', rows);
  }
  return tables;
}

const decodeValue = (value: string) =>
  value === '\\N' ? null : value.replaceAll(/\\(?<character>.)/g, (_, character: string) => escapes[character] ?? character);

const escapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };
