import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { describeSchema } from '../../src/database/applied-migration.ts';
import type { Database } from '../../src/database/database.ts';
import { generateKeys } from '../../src/identity/keys/configured-keys.ts';
import { inspectDatabase, runCommand, spawnProcess, tempEnvironment, waitUntilListening } from '../cli/process.ts';
import { isEmbedded } from '../test-database.ts';

const here = await tempEnvironment();
afterAll(here.cleanUp);
const start = (environment = here.environment) => spawnProcess(process.execPath, ['src/server/main.ts'], environment);
const end = async ({ child, ended }: ReturnType<typeof spawnProcess>) => {
  child.kill('SIGTERM');
  return ended;
};

describe('the database of a server', () => {
  it('is created and migrated on the first start and reused on the next', async () => {
    for (const _ of [1, 2]) {
      const server = start();
      const { url } = await waitUntilListening(server);
      expect(await (await fetch(`${url}/health/ready`)).text()).toBe('ok');
      expect(await end(server)).toBe(0);
    }
  }, 60_000);

  it('is left unchanged when it is newer than the server, which exits naming the unknown migration', async () => {
    const own = await tempEnvironment();
    await inspectDatabase(
      own.environment,
      (db) => db.prisma.$executeRaw`
        insert into _prisma_migrations (id, checksum, finished_at, migration_name, started_at, applied_steps_count)
        values ('later', '', now(), '29990101000000_later', now(), 1)`,
    );
    const { code, err } = await runCommand(['src/server/main.ts'], { ...own.environment, ...(await generateKeys()) });
    expect([code, err.trim()]).toEqual([
      1,
      'The database has the migration 29990101000000_later, which this version does not know. Start the version that applied it, or a newer one.',
    ]);
    await own.cleanUp();
  }, 60_000);

  it('is used when the history lacks the end of migrations that were applied', async () => {
    const own = await tempEnvironment();
    for (const unfinished of [`migration_name like '%_standard_names'`, 'true']) {
      await inspectDatabase(own.environment, (db) =>
        db.query({ text: `update _prisma_migrations set finished_at = null where ${unfinished}`, values: [] }),
      );
      await inspectDatabase(own.environment, async ({ query, prisma }) => {
        expect(await query({ text: 'select from _prisma_migrations where finished_at is null', values: [] })).toEqual([]);
        expect(await prisma.role.count()).toBe(3);
      });
    }
    await own.cleanUp();
  }, 60_000);

  it('is migrated to the end when a migration whose end the history lacks was not applied', async () => {
    const own = await tempEnvironment();
    await inspectDatabase(own.environment, async (db) => {
      await db.query({ text: 'alter table "Token" drop column "recentRefreshes", drop column "refreshWindowAt"', values: [] });
      await leaveUnfinished(db, '20261130210100_refreshes_are_limited');
    });
    await inspectDatabase(own.environment, async ({ query, prisma }) => {
      expect(await query({ text: 'select from _prisma_migrations where finished_at is null', values: [] })).toEqual([]);
      expect(await prisma.token.findMany({ select: { recentRefreshes: true } })).toEqual([]);
    });
    await own.cleanUp();
  }, 60_000);

  it.skipIf(isEmbedded).each([
    [
      'something else has the name of what it creates',
      'alter table "Token" add column "recentRefreshes" text',
      /already exists/,
      'drop column "recentRefreshes"',
    ],
    ['what it changes is missing', 'alter table "Token" rename to "Other"', /does not exist/, 'rename to "Token"'],
  ])(
    'is left unchanged, and the server exits with the cause, when %s and the migration was not applied (needs a PostgreSQL server)',
    async (_, plant, cause, remedy) => {
      const own = await tempEnvironment();
      const unfinished = { text: 'select from _prisma_migrations where finished_at is null', values: [] };
      await inspectDatabase(own.environment, async (db) => {
        await db.query({ text: 'alter table "Token" drop column "recentRefreshes", drop column "refreshWindowAt"', values: [] });
        await db.query({ text: plant, values: [] });
        await leaveUnfinished(db, '20261130210100_refreshes_are_limited');
      });
      const { code, err } = await runCommand(['src/server/main.ts'], own.environment);
      expect([code, err]).toEqual([
        1,
        expect.stringMatching(/^The migration 20261130210100_refreshes_are_limited failed and was rolled back: /),
      ]);
      expect(err).toMatch(cause);
      await withClient(own.environment, async (client) => {
        expect((await client.query(unfinished.text)).rowCount).toBe(1);
        await client.query(`alter table "${remedy.startsWith('rename') ? 'Other' : 'Token'}" ${remedy}`);
      });
      await inspectDatabase(own.environment, async ({ query, prisma }) => {
        expect(await query(unfinished)).toEqual([]);
        expect(await prisma.token.findMany({ select: { recentRefreshes: true } })).toEqual([]);
      });
      await own.cleanUp();
    },
    60_000,
  );
});

/** As a tool leaves the history that was killed before it recorded the end of the migration. There must be no later one. */
async function leaveUnfinished({ query }: Pick<Database, 'query'>, name: string) {
  await query({ text: `delete from _prisma_migrations where migration_name > '${name}'`, values: [] });
  await query({ text: `update _prisma_migrations set finished_at = null where migration_name = '${name}'`, values: [] });
}

describe('the embedded database', () => {
  it.runIf(isEmbedded)(
    'serves one process at a time, and a second one exits naming the first (embedded database only)',
    async () => {
      const own = await tempEnvironment();
      const server = start(own.environment);
      await waitUntilListening(server);
      const { code, err } = await runCommand(['src/server/main.ts'], own.environment);
      expect(code).toBe(1);
      expect(err).toBe(
        `Another process (${server.child.pid}) has the database in ${own.folder} open, and the embedded database serves one process at a time. Stop that one first.\n`,
      );
      server.child.kill('SIGKILL');
      await server.ended;
      const next = start(own.environment);
      await waitUntilListening(next);
      expect(await end(next)).toBe(0);
      await own.cleanUp();
    },
    60_000,
  );
});

describe('PostgreSQL', () => {
  it.skipIf(isEmbedded)(
    'is migrated once when several servers start concurrently on an empty database (needs a PostgreSQL server)',
    async () => {
      const own = await tempEnvironment();
      await empty(own.environment);
      const servers = [start(own.environment), start(own.environment), start(own.environment)];
      await Promise.all(servers.map(waitUntilListening));
      expect(await Promise.all(servers.map(end))).toEqual([0, 0, 0]);
      expect(await migrations(own.environment)).toBe(1);
      await empty(own.environment);
      const later = (index: number) => new Promise((resolve) => setTimeout(resolve, index * 15));
      await Promise.all(
        Array.from({ length: 12 }, (_, index) => later(index).then(() => inspectDatabase(own.environment, (db) => db.prisma.user.count()))),
      );
      expect(await migrations(own.environment)).toBe(1);
      await own.cleanUp();
    },
    60_000,
  );

  it.skipIf(isEmbedded)('shows of every migration whether it was applied (needs a PostgreSQL server)', async () => {
    const own = await tempEnvironment();
    await empty(own.environment);
    const folder = join(import.meta.dirname, '../../prisma/migrations');
    await withClient(own.environment, async (client) => {
      const connection = {
        query: async <Row>(text: string, values: unknown[]) => (await client.query(text, values)).rows as Row[],
        execute: (script: string) => client.query(script),
      };
      let before = await describeSchema(connection);
      for (const name of (await readdir(folder)).filter((entry) => /^\d/.test(entry)).sort()) {
        await client.query(await readFile(join(folder, name, 'migration.sql'), 'utf8'));
        const after = await describeSchema(connection);
        expect(after, name).not.toEqual(before);
        before = after;
      }
    });
    await own.cleanUp();
  });

  it.skipIf(isEmbedded)(
    'is migrated by the next start, and by another server, when a server is killed in the middle (needs a PostgreSQL server)',
    async () => {
      const own = await tempEnvironment();
      for (const applied of [0, 1, 5, 9]) {
        await empty(own.environment);
        const [killed, other] = [start(own.environment), start(own.environment)];
        while ((await countMigrations(own.environment)) < applied) await sleep(2); // a start may take long; the timeout of the test ends it
        killed.child.kill('SIGKILL');
        await waitUntilListening(other);
        expect(await end(other)).toBe(0);
        await killed.ended;
      }
      await own.cleanUp();
    },
    240_000,
  );
});

/** How many migrations are recorded; -1 without a history. */
const countMigrations = (environment: Record<string, string>) =>
  withClient(environment, async (client) => {
    const { rows } = await client.query('select count(*) from _prisma_migrations').catch(() => ({ rows: [{ count: -1 }] }));
    return Number(rows[0]?.count);
  });

/** Deletes everything that a server has created. */
const empty = (environment: Record<string, string>) =>
  withClient(environment, (client) => client.query('drop schema public cascade; create schema public'));

async function withClient<T>({ DATABASE_URL }: Record<string, string>, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: DATABASE_URL });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** How many times the first migration was applied. */
const migrations = (environment: Record<string, string>) =>
  inspectDatabase(environment, async (db) => {
    const rows = await db.prisma.$queryRaw<unknown[]>`select 1 from _prisma_migrations where migration_name like '%_core'`;
    return rows.length;
  });

describe('npm run migrate', () => {
  it('reports that the schema has not changed', async () => {
    expect(await runCommand(['scripts/migrate.ts', 'new', 'nothing'], {})).toMatchObject({
      code: 0,
      out: 'The schema has not changed since the last migration.\n',
    });
  }, 60_000);

  it('requires a valid name for a new migration', async () => {
    for (const args of [[], ['new'], ['new', '../../etc'], ['old', 'x']])
      expect((await runCommand(['scripts/migrate.ts', ...args], {})).code).toBe(2);
  }, 60_000);
});
