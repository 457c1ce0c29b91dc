import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, TLSSocket } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommand } from '../cli/process.ts';
import { isEmbedded } from '../test-database.ts';
import { databaseWith, type Environment, execute, server, withParameters, withRole } from './operator-settings.ts';

const notTrusted =
  'the certificate of the database is not trusted for this host; name its authority with `sslrootcert`, and the host as the certificate does';

const cases: { readonly name: string; environment(): Promise<Environment>; readonly sentence: string }[] = [
  {
    name: 'the role may not create tables',
    environment: () => ordinaryRole('login'),
    sentence: 'the user may not create or change the tables; grant it create on the schema "public", or migrate as the owner of the tables',
  },
  {
    name: 'the role may not log in',
    environment: () => ordinaryRole('nologin'),
    sentence: 'the user does not exist or may not log in, or pg_hba.conf does not admit it from here, perhaps only without TLS',
  },
  {
    name: 'TLS is required and the database has none',
    environment: async () => withParameters(await databaseWith(), { sslmode: 'verify-full' }),
    sentence: 'the database does not support TLS; enable it there, or remove `sslmode`',
  },
  {
    name: 'the certificate of the database is signed by itself',
    environment: async () => ({ DATABASE_URL: `postgresql://user@127.0.0.1:${await startTlsServer()}/database?sslmode=verify-full` }),
    sentence: notTrusted,
  },
  {
    name: 'the file of the authority does not exist',
    environment: async () => withParameters(await databaseWith(), { sslmode: 'verify-full', sslrootcert: '/nowhere/ca.pem' }),
    sentence: 'a file that `sslrootcert`, `sslcert` or `sslkey` names does not exist',
  },
  {
    name: 'it names a schema, which the driver ignores',
    environment: async () => withParameters(await databaseWith(), { schema: 'elsewhere' }),
    sentence: 'must not have the parameter `schema`: the tables are in the schema public; use a separate database',
  },
];

describe.skipIf(isEmbedded)('DATABASE_URL (needs a PostgreSQL server)', { timeout: 60_000 }, () => {
  for (const { name, environment, sentence } of cases) {
    it(`stops the process with the cause and the remedy when ${name}`, async () => {
      const { code, out, err } = await runCommand(['src/server/main.ts'], await environment());
      expect([code, out, err]).toEqual([1, '', `Setting DATABASE_URL: ${sentence}\n`]);
    });
  }
});

/** An empty database, and a role that does not own it. */
async function ordinaryRole(attribute: string): Promise<Environment> {
  const environment = await withRole(
    await databaseWith('drop schema public cascade', 'create schema public', 'grant usage on schema public to public'),
    {},
  );
  await execute(server, `alter role ${new URL(environment.DATABASE_URL ?? '').username} nosuperuser ${attribute}`);
  return environment;
}

/** A server that accepts TLS as PostgreSQL does, with a certificate that no authority has signed. Returns its port. */
async function startTlsServer(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'fieldgate-'));
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const request = ['req', '-x509', '-newkey', 'ed25519', '-nodes', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  spawnSync('openssl', [...request, '-keyout', keyFile, '-out', certFile]);
  const secureContext = createSecureContext({ key: await readFile(keyFile), cert: await readFile(certFile) });
  await rm(folder, { recursive: true });
  const listener = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write('S');
      new TLSSocket(socket, { isServer: true, secureContext }).on('error', () => {});
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  afterAll(() => void listener.close());
  return (listener.address() as { port: number }).port;
}
