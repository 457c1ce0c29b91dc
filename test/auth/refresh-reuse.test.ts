import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { graphql } from '../generated/gql.ts';
import { openHolder } from '../races/hold.ts';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, type TestUser, waitUntil } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;

const refreshMutation = graphql(`
  mutation RefreshTwice($input: RefreshInput!) {
    refresh(input: $input) {
      accessToken
      refreshToken
    }
  }
`);
const meQuery = graphql(`query MeAfterReuse { me { id } }`);

const exchange = (refreshToken: string) => server.query(refreshMutation, { input: { refreshToken } });

/** Refreshes and returns the new refresh token. */
async function successor(refreshToken: string): Promise<string> {
  const { data } = await exchange(refreshToken);
  return String(data.refresh.refreshToken);
}

/** Moves the time at which the refresh tokens of a session were used into the past. */
const age = ({ uuid }: TestUser, time: string) =>
  server.db.query(sql`update "TokenSecret" s set "usedAt" = "usedAt" - ${time}::interval from "Token" t
    where t.id = s."tokenId" and t."userId" = ${uuid}::uuid`);
const valuesOf = ({ uuid }: TestUser) => prisma.tokenSecret.count({ where: { token: { userId: uuid } } });

describe('a retried refresh', () => {
  it('replays the same successor within 10 s', async () => {
    const alice = await server.user();
    const next = await successor(alice.refreshToken);
    await age(alice, '8 seconds');
    expect(await successor(alice.refreshToken)).toBe(next);
    expect(await valuesOf(alice)).toBe(2);
    expect((await exchange(next)).code).toBeUndefined();
  });

  it('is rejected as reuse after 10 s', async () => {
    const alice = await server.user();
    await successor(alice.refreshToken);
    await age(alice, '11 seconds');
    expect((await exchange(alice.refreshToken)).code).toBe('TOKEN_REUSED');
  });

  it('is rejected as reuse once the successor has been used', async () => {
    const alice = await server.user();
    await successor(await successor(alice.refreshToken));
    expect((await exchange(alice.refreshToken)).code).toBe('TOKEN_REUSED');
  });
});

describe('a reused refresh token', () => {
  it('revokes the session with its newest refresh token and access token, and records and logs the reuse', async () => {
    const alice = await server.user();
    const newest = await successor(await successor(alice.refreshToken));
    expect(await exchange(alice.refreshToken)).toMatchObject({ data: null, code: 'TOKEN_REUSED' });
    expect((await exchange(newest)).code).toBe('INVALID_TOKEN');
    expect(await alice.query(meQuery)).toMatchObject({ status: 401, code: 'TOKEN_REVOKED' });
    const [revocation, ...others] = await prisma.tokenRevocation.findMany({ where: { userId: alice.uuid } });
    expect(revocation).toMatchObject({ reason: 'REUSE_DETECTED', initiator: 'POLICY', actorId: null });
    expect(others).toEqual([]);
    expect(await prisma.auditEvent.count({ where: { userId: alice.uuid, reason: 'REUSE_DETECTED' } })).toBe(1);
    expect(server.log.filter((line) => line.includes('authn_token_reuse') && line.includes(String(revocation?.tokenId)))).toHaveLength(1);
  });

  it('leaves the other sessions of the user active', async () => {
    const alice = await server.user();
    const elsewhere = await server.logIn(alice.email, alice.uuid);
    await successor(await successor(alice.refreshToken));
    await exchange(alice.refreshToken);
    expect((await elsewhere.query(meQuery)).data.me?.id).toBe(alice.id);
    expect((await exchange(elsewhere.refreshToken)).code).toBeUndefined();
  });

  it('is detected a week later', async () => {
    const alice = await server.user();
    const newest = await successor(alice.refreshToken);
    await age(alice, '7 days');
    expect((await exchange(alice.refreshToken)).code).toBe('TOKEN_REUSED');
    expect((await exchange(newest)).code).toBe('INVALID_TOKEN');
  });

  it('revokes the session once; a third use reports nothing new', async () => {
    const alice = await server.user();
    await successor(await successor(alice.refreshToken));
    const codes = [await exchange(alice.refreshToken), await exchange(alice.refreshToken)].map((answer) => answer.code);
    expect(codes).toEqual(['TOKEN_REUSED', 'INVALID_TOKEN']);
    expect(await prisma.tokenRevocation.count({ where: { userId: alice.uuid } })).toBe(1);
  });

  it.skipIf(isEmbedded)('revokes the session once when it is used twice concurrently', async () => {
    const alice = await server.user();
    await successor(await successor(alice.refreshToken));
    const holder = await openHolder(server);
    await holder.begin(['select from "Token" where "userId" = $1 for update', [alice.uuid]]);
    const answers = [exchange(alice.refreshToken), exchange(alice.refreshToken)];
    await waitUntil(async () => (await holder.waiting()) === 2);
    await holder.release();
    await holder.close();
    expect((await Promise.all(answers)).map(({ code }) => code).sort()).toEqual(['INVALID_TOKEN', 'TOKEN_REUSED']);
    expect(await prisma.tokenRevocation.count({ where: { userId: alice.uuid } })).toBe(1);
  });
});
