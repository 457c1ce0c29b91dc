import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { graphql } from '../generated/gql.ts';
import { lockUser, openHolder } from '../races/hold.ts';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, type TestUser, uniqueAddress, waitUntil } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;

const loginAgain = graphql(`
  mutation LoginAgain($input: LoginInput!) {
    login(input: $input) {
      ... on Session {
        accessToken
        token {
          id
        }
      }
    }
  }
`);
const meQuery = graphql(`query MeAfterOtherLogin { me { id } }`);

const logIn = ({ email, password }: Pick<TestUser, 'email' | 'password'>, token?: string) =>
  server.query(loginAgain, { input: { email, password } }, { token });
const liveSessions = ({ uuid }: TestUser) => prisma.token.findMany({ where: { userId: uuid, revokedAt: null }, orderBy: { id: 'asc' } });

describe('login with other sessions', () => {
  it('creates a new session and revokes the session that sent the request', async () => {
    const alice = await server.user();
    const { data } = await logIn(alice, alice.accessToken);
    expect(data.login.token.id).not.toBe(alice.tokenId);
    expect(await alice.query(meQuery)).toMatchObject({ status: 401, code: 'TOKEN_REVOKED' });
    expect((await server.query(meQuery, {}, { token: data.login.accessToken })).data.me?.id).toBe(alice.id);
  });

  it('keeps the session that sent the request when the password is wrong', async () => {
    const alice = await server.user();
    await logIn({ ...alice, password: 'not the password at all' }, alice.accessToken);
    expect((await alice.query(meQuery)).data.me?.id).toBe(alice.id);
  });

  it("revokes the presented session of another user, but none of that user's other sessions", async () => {
    const [alice, bob] = [await server.user(), await server.user()];
    const elsewhere = await server.logIn(bob.email, bob.uuid);
    await logIn(alice, bob.accessToken);
    expect((await bob.query(meQuery)).code).toBe('TOKEN_REVOKED');
    expect((await elsewhere.query(meQuery)).data.me?.id).toBe(bob.id);
  });

  it.skipIf(isEmbedded)('returns no session that was revoked before the response', async () => {
    const alice = await server.user();
    await addSessions(alice, 20);
    const holder = await openHolder(server);
    // It waits for the session that is one too many, after its own was created.
    const response = await holder.changeDuring(['select from "Token" where "userId" = $1 for update', [alice.uuid]], () => logIn(alice), [
      `update "Token" set "revokedAt" = now(), "revokedReason" = 'LOGOUT' where "userId" = $1`,
      [alice.uuid],
    ]);
    await holder.close();
    expect(response).toMatchObject({ data: null, code: 'TOKEN_REVOKED' });
  });

  it('keeps at most 20 sessions and revokes the longest unused ones, also when several logins run concurrently', async () => {
    const alice = await server.user();
    await addSessions(alice, 18);
    const oldest = await addSessions(alice, 3, '9 days');
    const gone = await addSessions(alice, 1, '20 days', '-1 day');
    await Promise.all(Array.from({ length: 4 }, () => logIn(alice)));
    const live = (await liveSessions(alice)).map((session) => session.id);
    expect(live.filter((id) => !gone.includes(id))).toHaveLength(20);
    expect(live).not.toEqual(expect.arrayContaining([oldest[0]]));
    expect(live).toContain(gone[0]); // already expired, so no revocation is logged
    const ended = await prisma.tokenRevocation.findMany({ where: { userId: alice.uuid } });
    expect(ended.map(({ reason, initiator }) => `${reason} ${initiator}`)).toEqual(Array(6).fill('SESSION_LIMIT POLICY'));
  });

  it.skipIf(isEmbedded)('keeps at most 20 sessions when five logins that do not see each other follow 17', async () => {
    const alice = await server.user();
    await addSessions(alice, 16);
    const holder = await openHolder(server);
    await holder.begin(lockUser(alice.uuid));
    const logins = Array.from({ length: 5 }, () => logIn(alice));
    await waitUntil(async () => (await holder.waiting()) === logins.length);
    await holder.release();
    expect((await Promise.all(logins)).map(({ code }) => code)).toEqual(Array(logins.length).fill(undefined));
    await holder.close();
    expect(await liveSessions(alice)).toHaveLength(20);
  });

  it.skipIf(isEmbedded)('give an attempt back once, also if they fail after the session was inserted', async () => {
    const [alice, address] = [await server.user(), uniqueAddress()];
    await addSessions(alice, 22);
    const counted = async () => {
      const key = `passwordByNetwork:${createHash('sha256').update(address).digest('base64url')}`;
      return (await prisma.rateLimit.findUnique({ where: { key } }))?.count;
    };
    for (const name of ['ada', 'grace', 'edith'])
      await server.query(loginAgain, { input: { email: `${name}@example.com`, password: 'wrong' } }, { address });
    const holder = await openHolder(server);
    await holder.begin(['select from "Token" where "userId" = $1 for update', [alice.uuid]]); // longer than the server waits
    const { email, password } = alice;
    const response = await server.query(loginAgain, { input: { email, password } }, { address });
    await holder.release();
    await holder.close();
    expect([response.code, await counted()]).toEqual(['UNAVAILABLE', 3]);
  });
});

/** Sessions that were last used that long ago. */
async function addSessions({ uuid }: TestUser, count: number, unused = '1 day', idle = '5 days') {
  const added = await server.db.query<{ id: string }>(sql`
    insert into "Token" (kind, "userId", scopes, "lastUsedAt", "expiresAt", "idleExpiresAt")
    select 'SESSION', ${uuid}::uuid, '{}', now() - ${unused}::interval, now() + interval '20 days', now() + ${idle}::interval
    from generate_series(1, ${count}::int) returning id::text`);
  return added.map((row) => row.id);
}
