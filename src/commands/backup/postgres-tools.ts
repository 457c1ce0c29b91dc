import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { getCACertificates } from 'node:tls';
import { environmentWithoutSettings } from '../../config.ts';
import type { DatabaseTarget } from '../../database/connect.ts';

type Program = 'pg_dump' | 'pg_restore' | 'psql';

/** A program of PostgreSQL that runs. */
export interface RunningProgram {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  /** Resolves when the program has succeeded. Rejects with the first error that it printed. */
  readonly ended: Promise<void>;
}

/** Starts a program of PostgreSQL, which must be on the PATH. It gets no settings of the server. */
export function startProgram(name: Program, args: readonly string[], connection: Readonly<Record<string, string>> = {}): RunningProgram {
  const child = spawn(name, args, { env: { ...environmentWithoutSettings(), ...connection }, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => {}); // a program that fails does not read its input
  const errors = text(child.stderr).catch(() => '');
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve)).then(
    async (code) => {
      if (code !== 0) throw new Error(`${name} failed: ${firstError(await errors) || `exit code ${code}`}`);
    },
    ({ code, message }: NodeJS.ErrnoException) => {
      if (code !== 'ENOENT') throw new Error(`${name} cannot be started: ${message}`);
      throw new Error(
        `${name} was not found. Install the client programs of PostgreSQL, of the version of the database or a newer one, and add them to PATH.`,
      );
    },
  );
  ended.catch(() => {}); // also observed by the caller
  return { child, ended };
}

/** Runs a program and returns what it prints. */
export async function runProgram(
  name: Program,
  args: readonly string[],
  connection: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { child, ended } = startProgram(name, args, connection);
  child.stdin.end();
  const output = text(child.stdout);
  output.catch(() => {});
  await ended;
  return output;
}

/** The first line that names an error, without the name and the line of the script. */
function firstError(output: string): string {
  const lines = output.split('\n').filter(Boolean);
  const line = lines.find((one) => /error|fatal|abort/i.test(one)) ?? lines[0] ?? '';
  return line.replace(/^(?:psql|pg_dump|pg_restore):(?:<stdin>:\d+:)?\s*/, '').replace(/^(?:error|ERROR|FATAL):\s*/, '');
}

/**
 * Calls `work` with the environment variables that lead libpq to the database, so that no password is in the list of processes. libpq verifies what
 * the server verifies: `pg` knows no certificate authority but those of Node.js, and treats `require` like `verify-full`.
 */
export async function withConnection<T>(
  { connectionString }: DatabaseTarget,
  work: (connection: Record<string, string>) => Promise<T>,
): Promise<T> {
  const { hostname, port, username, password, pathname, searchParams } = new URL(connectionString);
  const parameters = Object.fromEntries(searchParams);
  const isCompatible = parameters.uselibpqcompat === 'true';
  const sslMode =
    (isCompatible ? undefined : sslModes[parameters.sslmode ?? '']) ??
    parameters.sslmode ??
    (isVerified(parameters.ssl) ? 'verify-full' : undefined);
  const folder = await mkdtemp(join(tmpdir(), 'fieldgate-'));
  try {
    const authorities = join(folder, 'authorities.pem');
    const needsAuthorities = sslMode === 'verify-full' && !parameters.sslrootcert;
    if (needsAuthorities) await writeFile(authorities, getCACertificates('default').join('\n'), { mode: 0o600 });
    return await work(
      withoutEmpty({
        PGHOST: parameters.host ?? decodeURIComponent(hostname.replaceAll(/[[\]]/g, '')),
        PGPORT: parameters.port ?? port,
        PGUSER: parameters.user ?? decodeURIComponent(username),
        PGPASSWORD: parameters.password ?? decodeURIComponent(password),
        PGDATABASE: decodeURIComponent(pathname.slice(1)),
        PGOPTIONS: parameters.options,
        PGSSLMODE: sslMode,
        PGSSLROOTCERT: needsAuthorities ? authorities : parameters.sslrootcert,
        PGSSLCERT: parameters.sslcert,
        PGSSLKEY: parameters.sslkey,
        PGCONNECT_TIMEOUT: '10',
        PGAPPNAME: 'fieldgate command',
      }),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** True if `pg` verifies the certificate for this value of the parameter `ssl`. */
const isVerified = (ssl: string | undefined) => ssl === 'true' || ssl === '1';

/** The mode of libpq that corresponds to each mode of `pg`. */
const sslModes: Readonly<Record<string, string>> = {
  prefer: 'verify-full',
  require: 'verify-full',
  'verify-ca': 'verify-full',
  'verify-full': 'verify-full',
  'no-verify': 'require',
};

const withoutEmpty = (variables: Readonly<Record<string, string | undefined>>) =>
  Object.fromEntries(Object.entries(variables).filter((entry): entry is [string, string] => !!entry[1]));
