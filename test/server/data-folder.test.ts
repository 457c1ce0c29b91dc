import { cp, mkdir, mkdtemp, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspectDatabase, runCommand, spawnProcess, waitUntilListening } from '../cli/process.ts';

const root = await mkdtemp(join(tmpdir(), 'fieldgate-'));
const folder = join(root, 'data');
const children = new Set<ReturnType<typeof spawnProcess>>();
const start = (DATA_DIR: string) => {
  const started = spawnProcess(process.execPath, ['src/server/main.ts'], { DATA_DIR, LOG_LEVEL: 'silent' });
  children.add(started);
  return started;
};
const kill = async ({ child, ended }: ReturnType<typeof spawnProcess>, signal: NodeJS.Signals) => {
  child.kill(signal);
  return ended;
};

beforeAll(async () => {
  const server = start(folder);
  await waitUntilListening(server);
  expect(await kill(server, 'SIGTERM')).toBe(0);
}, 120_000);
afterAll(async () => {
  await Promise.all([...children].map((server) => kill(server, 'SIGKILL')));
  await rm(root, { recursive: true });
});

it('the files of the embedded database are in a folder that no other user can enter', async () => {
  expect((await stat(join(folder, 'postgres'))).mode & 0o777).toBe(0o700);
});

const secondProcess = (name: string) =>
  new RegExp(
    `^Another process( \\(\\d+\\))? has the database in ${name} open, and the embedded database serves one process at a time. Stop that one first.\n$`,
  );

/** Waits until every process listens or has ended. Returns the one that listens; there must be one. */
async function findWinner(servers: ReturnType<typeof start>[], names: string[]) {
  const outcomes = await Promise.all(
    servers.map((server) =>
      waitUntilListening(server).then(
        ({ url }) => ({ server, url }),
        () => ({ server, url: undefined }),
      ),
    ),
  );
  const winners = outcomes.flatMap(({ server, url }) => (url ? { server, url } : []));
  for (const [index, { server, url }] of outcomes.entries()) if (!url) expect(server.output.err).toMatch(secondProcess(names[index] ?? ''));
  expect(winners).toHaveLength(1);
  return winners[0] as (typeof winners)[number];
}

async function register(url: string, email: string) {
  const query = 'mutation ($input: RegisterInput!) { register(input: $input) { __typename } }';
  const input = { email, displayName: email, password: 'a long walk along the river' };
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query, variables: { input } }) });
  expect(((await response.json()) as { errors?: unknown }).errors).toBeUndefined();
}

describe('a data folder', () => {
  it('is opened by exactly one of several processes that start at the same moment, whatever process the lock file names', async () => {
    const alias = join(root, 'alias');
    await symlink(folder, alias);
    const names = [folder, alias, relative(process.cwd(), folder), `${folder}/../data/`];
    const emails: string[] = [];
    // An ended process, a running process that is no server, no process.
    for (const owner of ['999999', String(process.pid), 'rubbish']) {
      await writeFile(join(folder, 'lock'), owner);
      const winner = await findWinner(names.map(start), names);
      const email = `user${emails.length}@example.com`;
      await register(winner.url, email);
      emails.push(email);
      await kill(winner.server, 'SIGKILL');
    }
    await inspectDatabase({ DATA_DIR: folder }, async ({ prisma }) => {
      const users = await prisma.user.findMany({ select: { email: true } });
      expect(users.map(({ email }) => email).sort()).toEqual(emails);
    });
  }, 400_000);

  it('stays with its server when it is moved, and a server at the old path has its own database', async () => {
    const first = join(root, 'first');
    await cp(folder, first, { recursive: true, filter: (path) => !path.endsWith('admin.sock') });
    const server = start(first);
    const { url } = await waitUntilListening(server);
    const moved = join(root, 'moved');
    await rename(first, moved);
    const { code, err } = await runCommand(['src/server/main.ts'], { DATA_DIR: moved });
    expect([code, err]).toEqual([1, expect.stringMatching(secondProcess(moved))]);
    const second = start(first);
    await waitUntilListening(second);
    await register(url, 'moved@example.com');
    expect(await kill(second, 'SIGTERM')).toBe(0);
    expect(await kill(server, 'SIGTERM')).toBe(0);
    const create = (DATA_DIR: string) =>
      runCommand(['scripts/admin.ts', 'create-superadmin', 'moved@example.com'], { DATA_DIR }, 'a long walk past the river\n');
    expect((await create(moved)).code).toBe(1);
    expect((await create(first)).code).toBe(0);
  }, 400_000);
});

describe('a damaged data folder', () => {
  const restore = 'Restore the folder from its backup.';
  const cases: { readonly name: string; damage(data: string): Promise<unknown>; sentence(data: string): string | RegExp }[] = [
    {
      name: 'without PG_VERSION',
      damage: (data) => rm(join(data, 'postgres/PG_VERSION')),
      sentence: (data) => `The database in ${data}/postgres is damaged: the file PG_VERSION is missing. ${restore}`,
    },
    {
      name: 'with a torn PG_VERSION',
      damage: (data) => writeFile(join(data, 'postgres/PG_VERSION'), ''),
      sentence: (data) => `The database in ${data}/postgres is damaged: the file PG_VERSION does not name a version. ${restore}`,
    },
    {
      name: 'of another PostgreSQL version',
      damage: (data) => writeFile(join(data, 'postgres/PG_VERSION'), '16\n'),
      sentence: (data) =>
        `The database in ${data}/postgres is of PostgreSQL 16, but this version of Fieldgate needs 18. Start the version that created it.`,
    },
    {
      name: 'without its control file',
      damage: (data) => rm(join(data, 'postgres/global/pg_control')),
      sentence: (data) => `The database in ${data}/postgres is damaged: the file global/pg_control is missing. ${restore}`,
    },
    {
      name: 'with a torn control file',
      damage: (data) => writeFile(join(data, 'postgres/global/pg_control'), 'torn'),
      sentence: (data) => new RegExp(`^The database in ${data}/postgres cannot be opened: .+ restore it from its backup\\.$`),
    },
    {
      name: 'with a file in place of the database',
      damage: async (data) => {
        await rm(join(data, 'postgres'), { recursive: true });
        await writeFile(join(data, 'postgres'), '');
      },
      sentence: (data) => `${data}/postgres is not a folder. ${restore}`,
    },
    {
      name: 'that is a file',
      damage: async (data) => {
        await rm(data, { recursive: true });
        await writeFile(data, '');
      },
      sentence: (data) => `Setting DATA_DIR: ${data} is not a folder`,
    },
    {
      name: 'with a foreign lock file',
      damage: (data) => writeFile(join(data, 'postgres.lock'), 'not a lock of this server, but a file of another program'),
      sentence: (data) => `The file ${data}/postgres.lock is not a lock file of Fieldgate. Delete it while no server uses the folder.`,
    },
    {
      name: 'with a folder in place of the lock file',
      damage: async (data) => {
        await rm(join(data, 'postgres.lock'));
        await mkdir(join(data, 'postgres.lock'));
      },
      sentence: (data) =>
        `The file ${data}/postgres.lock cannot be locked (unable to open database file). The server must be able to write it, on a file system that supports locks.`,
    },
    {
      name: 'with torn keys',
      damage: async (data) => writeFile(join(data, 'keys.json'), (await readFile(join(data, 'keys.json'), 'utf8')).slice(0, 100)),
      sentence: (data) =>
        `The file ${data}/keys.json is damaged: it must contain JWT_KEYS and ENCRYPTION_KEYS. Restore it from its backup.`,
    },
  ];
  for (const [index, { name, damage, sentence }] of cases.entries()) {
    it(`${name} is left as it is, and the server exits with one sentence that names the file`, async () => {
      const data = join(root, `damaged${index}`);
      await cp(folder, data, { recursive: true, filter: (path) => !path.endsWith('admin.sock') });
      await damage(data);
      const { code, out, err } = await runCommand(['src/server/main.ts'], { DATA_DIR: data });
      const expected = sentence(data);
      expect([code, out, err.trimEnd()]).toEqual([1, '', typeof expected === 'string' ? expected : expect.stringMatching(expected)]);
      await rm(data, { recursive: true });
    }, 120_000);
  }
});
