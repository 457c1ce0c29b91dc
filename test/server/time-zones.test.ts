import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { runCommand, startServerProcess } from '../cli/process.ts';
import { isEmbedded } from '../test-database.ts';
import { waitUntil } from '../test-server.ts';
import { databaseWith, type Environment, withParameters, withRole } from './operator-settings.ts';

const password = 'a long walk along the river';
const later = (milliseconds: number) => new Date(Date.now() + milliseconds).toISOString();

const zoneSources: { readonly name: string; readonly onlyPostgres?: true; environment(): Promise<Environment> }[] = [
  { name: 'the database', environment: () => databaseWith(`alter database "THIS" set timezone = 'Asia/Kolkata'`) },
  {
    name: 'the environment of the process',
    environment: async () => ({
      ...(await databaseWith()),
      TZ: 'Asia/Kolkata',
      PGTZ: 'Asia/Kolkata',
      PGOPTIONS: '-c timezone=Asia/Kolkata',
    }),
  },
  {
    name: 'the role',
    onlyPostgres: true,
    environment: async () => withRole(await databaseWith(), { timezone: `'America/St_Johns'` }),
  },
  {
    name: '`options` in DATABASE_URL',
    onlyPostgres: true,
    environment: async () => withParameters(await databaseWith(), { options: '-c TimeZone=America/Los_Angeles' }),
  },
  {
    name: 'the database, and DATABASE_URL has other `options`',
    onlyPostgres: true,
    environment: async () =>
      withParameters(await databaseWith(`alter database "THIS" set timezone = 'Asia/Kolkata'`), { options: '-c geqo=off' }),
  },
];

describe('times', () => {
  for (const { name, onlyPostgres, environment } of zoneSources) {
    it.skipIf(onlyPostgres && isEmbedded)(
      `are exact when ${name} has another time zone${onlyPostgres ? ' (needs a PostgreSQL server)' : ''}`,
      async () => {
        const settings = await environment();
        await runCommand(['scripts/admin.ts', 'create-superadmin', 'ada@example.com'], settings, `${password}\n`);
        await using running = await startServerProcess(settings);
        const client = createClient(running.url);
        await client.query('mutation ($input: RegisterInput!) { register(input: $input) { __typename } }', {
          email: 'bob@example.com',
          displayName: 'Bob',
          password,
        });
        const ada = await client.logIn('ada@example.com');
        const bob = await client.logIn('bob@example.com');
        expectNear(ada.expiresAt, 5 * 60_000);
        expectNear(ada.refreshExpiresAt, 14 * 86_400_000);
        const visibleUsers = async () =>
          (await client.query('{ users { edges { node { id } } } }', {}, bob.accessToken)).users.edges.length;
        expect(await visibleUsers()).toBe(1);
        for (const [lifetime, visible] of [
          [3_600_000, 2],
          [5_000, 1],
        ] as const) {
          const expiresAt = later(lifetime);
          const input = { userId: bob.id, role: 'ADMIN', expiresAt };
          const grant = 'mutation ($input: GrantRoleInput!) { grantRole(input: $input) { grant { createdAt expiresAt } } }';
          const granted = (await client.query(grant, input, ada.accessToken)).grantRole.grant;
          expectNear(granted.createdAt, 0);
          expect(new Date(granted.expiresAt).toISOString()).toBe(expiresAt);
          if (visible === 1) await sleep(Date.parse(expiresAt) - Date.now());
          await waitUntil(async () => (await visibleUsers()) === visible);
        }
      },
      120_000,
    );
  }
});

/** The time is that far from now, with a tolerance that no time zone has as its offset. */
const expectNear = (time: string, distance: number) => expect(Math.abs(Date.parse(time) - Date.now() - distance)).toBeLessThan(120_000);

function createClient(url: string) {
  // biome-ignore lint/suspicious/noExplicitAny: untyped documents return any data
  async function query(document: string, input: object = {}, token?: string): Promise<any> {
    const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ query: document, variables: { input } }),
    });
    const { data, errors } = (await response.json()) as { data: object; errors?: unknown };
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  }
  async function logIn(email: string) {
    const document = `mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken expiresAt refreshExpiresAt } } }`;
    const { login } = await query(document, { email, password });
    const { me } = await query('{ me { id } }', {}, login.accessToken);
    return { ...login, ...me } as { id: string; accessToken: string; expiresAt: string; refreshExpiresAt: string };
  }
  return { query, logIn };
}
