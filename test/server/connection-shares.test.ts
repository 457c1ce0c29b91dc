import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { apiToken, post } from '../oauth/endpoint-client.ts';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, type TestServer, type TestUser, uniqueAddress, waitUntil } from '../test-server.ts';

const setSetting = 'mutation ($key: String!) { setSetting(input: { key: $key, value: "x" }) { setting { key } } }';
const readSettings = 'query ($id: ID!) { user(id: $id) { settings { edges { node { key } } } } }';
const refresh = 'mutation ($refreshToken: String!) { refresh(input: { refreshToken: $refreshToken }) { accessToken } }';
const logout = 'mutation { logout { ended } }';
const updateProfile = 'mutation { updateProfile(input: { firstName: "Ada" }) { user { id } } }';

/** A transaction of another program, which holds a lock until it is released. */
async function holdLock({ databaseUrl }: TestServer, statement: string, values: unknown[] = []) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('begin');
  await client.query(statement, values);
  let isHeld = true;
  const release = async () => {
    if (isHeld) await client.end(); // PostgreSQL rolls back
    isHeld = false;
  };
  onTestFinished(release);
  return release;
}

const lockUsers = (server: TestServer, users: readonly TestUser[]) =>
  holdLock(server, 'select from "User" where id = any($1::uuid[]) for update', [users.map(({ uuid }) => uuid)]);

/** How many connections of the server wait for a lock. */
async function countBlocked({ databaseUrl }: TestServer): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query(
    "select count(*)::int from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  );
  await client.end();
  return rows[0].count;
}

const times = <T>(count: number, run: (index: number) => T) => Array.from({ length: count }, (_, index) => run(index));
const sortedCodes = async (results: Promise<{ code: string | undefined }>[]) =>
  new Set((await Promise.all(results)).map(({ code }) => code));

/** Logs in, reads, refreshes and logs out, as other users do meanwhile. Returns the error codes. */
async function useSessions(server: TestServer, users: readonly TestUser[]) {
  const results = [];
  for (const user of users) {
    const session = await server.logIn(user.email, user.uuid);
    results.push(await session.query('{ me { email } }'));
    results.push(await server.query(refresh, { refreshToken: session.refreshToken }));
    results.push(await session.query(logout));
  }
  return results.map(({ code }) => code);
}

const noErrors = (count: number) => times(count, () => undefined);

describe.skipIf(isEmbedded).each([4, 10])('with %i connections (needs a PostgreSQL server)', (poolSize) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ DATABASE_POOL: String(poolSize) });
  });
  afterAll(() => server.close());

  /** The users whose operations are slow, and others. */
  async function createUsers(slowUsers: number) {
    const slow = await Promise.all(times(slowUsers, () => server.user()));
    const others = await Promise.all(times(3, () => server.user()));
    return { slow, others };
  }

  it('mutations of one user that wait for a lock leave connections to every other user', async () => {
    const { slow, others } = await createUsers(1);
    const [alice] = slow as [TestUser];
    const { secret } = await apiToken(server, ['tokens:introspect']);
    const release = await lockUsers(server, slow);
    const waiting = times(100, (index) => alice.query(setSetting, { key: `k${index}` }));
    await waitUntil(async () => (await countBlocked(server)) > 0);
    expect(await countBlocked(server)).toBeLessThanOrEqual(poolSize / 4);
    expect(await useSessions(server, others)).toEqual(noErrors(9));
    for (const other of others) {
      expect((await other.query(setSetting, { key: 'theme' })).code).toBeUndefined();
      expect((await other.query(updateProfile)).code).toBeUndefined();
      expect((await other.query(readSettings, { id: other.id })).code).toBeUndefined();
    }
    expect((await post(server, '/oauth/introspect', `token=${others[0]?.accessToken}`, { token: secret })).json).toMatchObject({
      active: true,
    });
    expect((await fetch(`${server.url}/health/ready`)).status).toBe(200);
    expect(await sortedCodes(waiting)).toEqual(new Set(['UNAVAILABLE']));
    await release();
    expect((await alice.query(setSetting, { key: 'theme' })).code).toBeUndefined();
  });

  it('mutations and queries of many users that wait for a lock leave connections to logins, refreshes and logouts', async () => {
    const { slow, others } = await createUsers(30);
    const release = await holdLock(server, 'lock table "UserSetting" in access exclusive mode');
    const waiting = times(200, (index) => {
      const user = slow[index % slow.length] as TestUser;
      return index % 2 ? user.query(setSetting, { key: 'theme' }) : user.query(readSettings, { id: user.id });
    });
    await waitUntil(async () => (await countBlocked(server)) > 1);
    expect(await countBlocked(server)).toBeLessThanOrEqual(poolSize - Math.ceil(0.3 * poolSize));
    expect(await useSessions(server, others)).toEqual(noErrors(9));
    expect((await fetch(`${server.url}/health/ready`)).status).toBe(200);
    await release();
    await Promise.all(waiting);
  });

  it('one kind of mutation that waits for a lock leaves connections to the other kinds', async () => {
    const { slow, others } = await createUsers(30);
    if (poolSize < 10) return; // two connections for mutations are too few for that
    const release = await holdLock(server, 'lock table "UserSetting" in access exclusive mode');
    const waiting = slow.map((user) => user.query(setSetting, { key: 'theme' }));
    await waitUntil(async () => (await countBlocked(server)) > 0);
    for (const other of others) expect((await other.query(updateProfile)).code).toBeUndefined();
    await release();
    await Promise.all(waiting);
  });

  it('the same holds for aliases and WebSockets', async () => {
    const { slow, others } = await createUsers(1);
    const [alice] = slow as [TestUser];
    const release = await lockUsers(server, slow);
    const aliases = times(5, (index) => `a${index}: setSetting(input: { key: "k${index}", value: "x" }) { setting { key } }`);
    const socket = alice.socket();
    const waiting = times(50, () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      socket.subscribe({ query: `mutation { ${aliases.join(' ')} }` }, { next: () => {}, error: () => resolve(), complete: resolve });
      return promise;
    });
    await waitUntil(async () => (await countBlocked(server)) > 0);
    expect(await countBlocked(server)).toBeLessThanOrEqual(poolSize / 4);
    expect(await useSessions(server, others)).toEqual(noErrors(9));
    await release();
    await Promise.all(waiting);
  });

  it('anonymous mutations of one network that wait for a lock leave connections to other networks', async () => {
    const { slow, others } = await createUsers(1);
    const [alice] = slow as [TestUser];
    const release = await holdLock(
      server,
      'select from "TokenSecret" s join "Token" t on t.id = s."tokenId" where t."userId" = $1 for update',
      [alice.uuid],
    );
    const address = uniqueAddress();
    const waiting = times(60, () => server.query(refresh, { refreshToken: alice.refreshToken }, { address }));
    await waitUntil(async () => (await countBlocked(server)) > 0);
    expect(await countBlocked(server)).toBeLessThanOrEqual(poolSize / 2);
    expect(await useSessions(server, others)).toEqual(noErrors(9));
    await release();
    await Promise.all(waiting);
  });

  it('email is delivered while mutations and queries wait for a lock', async () => {
    const { slow } = await createUsers(30);
    const [alice] = slow as [TestUser];
    const release = await holdLock(server, 'lock table "UserSetting" in access exclusive mode');
    const waiting = slow.flatMap((user) => [user.query(setSetting, { key: 'theme' }), user.query(readSettings, { id: user.id })]);
    await waitUntil(async () => (await countBlocked(server)) > 0);
    const { id } = await server.db.prisma.outboxEmail.create({ data: { template: 'passwordChanged', userId: alice.uuid } });
    await waitUntil(async () => (await server.db.prisma.outboxEmail.findUnique({ where: { id } }))?.completedAt);
    await release();
    await Promise.all(waiting);
  });
});
