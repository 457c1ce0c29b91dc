import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/database/database.ts';
import { createLogger } from '../../src/logger.ts';
import { startServer } from '../../src/server/start.ts';
import { inspectDatabase, runCommand } from '../cli/process.ts';
import { createTestDatabase, isEmbedded, testConfig } from '../test-database.ts';
import { waitUntil } from '../test-server.ts';
import { databaseWith, type Environment, execute, server, withParameters, withRole } from './operator-settings.ts';

/** What the server relies on, and a value that would break it. */
const reliedOn: Record<string, { readonly value: string; readonly hostile: string }> = {
  TimeZone: { value: 'UTC', hostile: 'Asia/Kolkata' },
  DateStyle: { value: 'ISO, MDY', hostile: 'German' },
  IntervalStyle: { value: 'postgres', hostile: 'iso_8601' },
  client_encoding: { value: 'UTF8', hostile: 'LATIN1' },
  search_path: { value: 'public', hostile: 'elsewhere' },
  statement_timeout: { value: '5s', hostile: '0' },
  lock_timeout: { value: '2s', hostile: '1' },
  idle_in_transaction_session_timeout: { value: '10s', hostile: '1' },
  idle_session_timeout: { value: '0', hostile: '2000' },
  synchronous_commit: { value: 'on', hostile: 'off' },
  standard_conforming_strings: { value: 'on', hostile: 'off' },
  bytea_output: { value: 'hex', hostile: 'escape' },
  extra_float_digits: { value: '1', hostile: '-5' },
  array_nulls: { value: 'on', hostile: 'off' },
  transform_null_equals: { value: 'off', hostile: 'on' },
  default_transaction_isolation: { value: 'read committed', hostile: 'serializable' },
  session_replication_role: { value: 'origin', hostile: 'replica' },
  'fieldgate.notify': { value: 'on', hostile: 'off' },
};
const hostile = Object.entries(reliedOn).map(([name, { hostile }]) => [name, hostile] as const);
const asOptions = hostile.map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`).join(' ');

const settingSources: { readonly name: string; environment(): Promise<Environment>; process?: Environment }[] = [
  {
    name: 'the database',
    environment: () => databaseWith(...hostile.map(([name, value]) => `alter database "THIS" set ${name} = '${value}'`)),
  },
  {
    name: 'the role',
    environment: async () => withRole(await databaseWith(), Object.fromEntries(hostile.map(([name, value]) => [name, `'${value}'`]))),
  },
  { name: '`options` in DATABASE_URL', environment: async () => withParameters(await databaseWith(), { options: asOptions }) },
  {
    name: 'the parameters of DATABASE_URL',
    environment: async () =>
      withParameters(await databaseWith(), {
        statement_timeout: '1',
        lock_timeout: '1',
        idle_in_transaction_session_timeout: '1',
        query_timeout: '1',
        client_encoding: 'LATIN1',
        binary: 'true',
        replication: 'database',
      }),
  },
  { name: 'PGOPTIONS', environment: () => databaseWith(), process: { PGOPTIONS: asOptions, PGCLIENTENCODING: 'LATIN1' } },
];

describe('a session of the database', () => {
  for (const { name, environment, process: variables = {} } of settingSources) {
    it.skipIf(isEmbedded)(`has the settings that the server relies on, whatever ${name} says (needs a PostgreSQL server)`, async () => {
      const settings = await environment();
      Object.assign(process.env, variables);
      try {
        const found = await inspectDatabase(settings, async ({ query }) => {
          const text = 'select name, current_setting(name, true) as value from unnest($1::text[]) as given(name)';
          const rows = await query<{ name: string; value: string }>({ text, values: [Object.keys(reliedOn)] });
          return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
        });
        expect(found).toEqual(Object.fromEntries(Object.entries(reliedOn).map(([name, { value }]) => [name, value])));
      } finally {
        for (const variable of Object.keys(variables)) delete process.env[variable];
      }
    });
  }

  it.skipIf(isEmbedded)('keeps the `options` of DATABASE_URL that the server does not rely on (needs a PostgreSQL server)', async () => {
    const settings = withParameters(await databaseWith(), {
      options: '-c work_mem=12MB -c TimeZone=Asia/Kolkata',
      application_name: 'ours',
    });
    const text = `select current_setting('work_mem') as memory, current_setting('TimeZone') as zone, current_setting('application_name') as name`;
    const [found] = await inspectDatabase(settings, ({ query }) => query({ text, values: [] }));
    expect(found).toEqual({ memory: '12MB', zone: 'UTC', name: 'ours' });
  });

  it.skipIf(isEmbedded)(
    'that cannot be prepared makes requests UNAVAILABLE until it can be (needs a PostgreSQL server)',
    async () => {
      const log = createLogger('silent');
      const made = await createTestDatabase(testConfig(), log);
      const config = testConfig(await withRole({ DATABASE_URL: made.url ?? '' }, {}));
      const role = new URL(config.DATABASE_URL ?? '').username;
      await execute(server, `alter role ${role} nosuperuser`);
      await execute(
        made.url ?? '',
        `grant all on all tables in schema public to ${role}; grant all on all sequences in schema public to ${role}`,
      );
      const db = await openDatabase(config, log);
      const running = await startServer(config, log, db);
      const ask = async () => {
        const body = JSON.stringify({ query: '{ domains { totalCount } }' });
        const response = await fetch(`${running.url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
        const { data, errors } = (await response.json()) as { data: unknown; errors?: { extensions: { code: string } }[] };
        return errors?.[0]?.extensions.code ?? JSON.stringify(data);
      };
      const replaceSessions = (change: string) =>
        execute(server, `${change}; select pg_terminate_backend(pid) from pg_stat_activity where usename = '${role}'`);
      expect(await ask()).toBe('{"domains":{"totalCount":0}}');
      await replaceSessions(`alter role ${role} set session_replication_role = replica`);
      await waitUntil(async () => (await ask()) === 'UNAVAILABLE');
      expect((await fetch(`${running.url}/health/ready`)).status).toBe(503);
      await replaceSessions(`alter role ${role} reset session_replication_role`);
      await waitUntil(async () => (await ask()) === '{"domains":{"totalCount":0}}');
      await running.stop();
      await db.close();
      await execute(made.url ?? '', `drop owned by ${role}`);
      await made.drop();
    },
    60_000,
  );
});

describe('a database on which the server cannot run', () => {
  const start = (environment: Environment) => runCommand(['src/server/main.ts'], environment);
  const unusable: { readonly name: string; environment(): Promise<Environment>; readonly sentence: string | RegExp }[] = [
    {
      name: 'is read-only',
      environment: () => databaseWith(`alter database "THIS" set default_transaction_read_only = on`),
      sentence: 'the database is read-only; reset default_transaction_read_only for the database, the role and in `options`',
    },
    {
      name: 'has no schema for the tables',
      environment: () => databaseWith('drop schema public cascade'),
      sentence: 'the database has no schema "public" that the user may use; create it, or grant usage and create on it',
    },
    {
      name: 'has another encoding',
      environment: () => createEncoded('LATIN1'),
      sentence: 'the encoding of the database is not UTF8; create the database with `encoding UTF8 template template0`',
    },
    {
      name: 'has no encoding',
      environment: () => createEncoded('SQL_ASCII'),
      sentence: 'the encoding of the database is not UTF8; create the database with `encoding UTF8 template template0`',
    },
    {
      name: 'rejects the `options`',
      environment: async () => withParameters(await databaseWith(), { options: '-c no_such_setting=1' }),
      sentence: 'its parameter `options` is invalid',
    },
  ];
  for (const { name, environment, sentence } of unusable) {
    it.skipIf(isEmbedded)(
      `stops the process with the cause and the remedy when it ${name} (needs a PostgreSQL server)`,
      async () => {
        const { code, out, err } = await start(await environment());
        expect([code, out, err]).toEqual([1, '', `Setting DATABASE_URL: ${sentence}\n`]);
      },
      60_000,
    );
  }

  async function createEncoded(encoding: string): Promise<Environment> {
    const name = `fieldgate_test_${randomBytes(6).toString('hex')}`;
    await execute(server, `create database ${name} encoding '${encoding}' locale 'C' template template0`);
    afterAll(() => execute(server, `drop database ${name} with (force)`));
    return { DATABASE_URL: Object.assign(new URL(server), { pathname: `/${name}` }).href };
  }
});
