import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();

const refreshMutation = graphql(`
  mutation RefreshConcurrently($input: RefreshInput!) {
    refresh(input: $input) {
      accessToken
      refreshToken
    }
  }
`);
const meQuery = graphql(`query MeAfterConcurrentRefresh { me { id } }`);

const exchange = (refreshToken: string) => server.query(refreshMutation, { input: { refreshToken } });
const sessionOf = ({ uuid }: TestUser) => server.db.prisma.token.findFirstOrThrow({ where: { userId: uuid }, include: { secrets: true } });

describe('concurrent refreshes', () => {
  it('issue exactly one successor when one refresh token is used 20 times concurrently', { timeout: 60_000 }, async () => {
    for (let round = 0; round < 10; round += 1) {
      const alice = await server.user();
      const answers = await Promise.all(Array.from({ length: 20 }, () => exchange(alice.refreshToken)));
      const given = new Set(answers.map((answer) => answer.data.refresh.refreshToken));
      const { secrets, revokedAt } = await sessionOf(alice);
      expect([given.size, secrets.length, secrets.filter((secret) => !secret.usedAt).length, revokedAt]).toEqual([1, 2, 1, null]);
      expect((await exchange(String([...given][0]))).code).toBeUndefined();
    }
  });

  it('wait for a concurrent revocation of the session and then return INVALID_TOKEN', async () => {
    const alice = await server.user();
    const { id } = await sessionOf(alice);
    const { refreshed } = await server.db.prisma.$transaction(async (tx) => {
      await tx.token.update({ where: { id }, data: { revokedAt: new Date() } });
      const refreshed = exchange(alice.refreshToken);
      await new Promise((resolve) => setTimeout(resolve, 300));
      return { refreshed };
    });
    expect((await refreshed).code).toBe('INVALID_TOKEN');
    expect((await sessionOf(alice)).secrets).toHaveLength(1);
  });

  it('do not survive a concurrent logout, disableUser or revokeToken, in either order', { timeout: 60_000 }, async () => {
    const admin = await server.user('SUPERADMIN');
    const endings = [
      (alice: TestUser) => alice.query('mutation { logout { ended } }'),
      (alice: TestUser) => alice.query('mutation { logoutEverywhere(input: {}) { ended } }'),
      (alice: TestUser) =>
        admin.query('mutation ($input: DisableUserInput!) { disableUser(input: $input) { changed } }', { input: { id: alice.id } }),
      (alice: TestUser) =>
        admin.query('mutation ($input: RevokeTokenInput!) { revokeToken(input: $input) { changed } }', { input: { id: alice.tokenId } }),
    ];
    for (const [index, end] of [...endings, ...endings, ...endings].entries()) {
      const alice = await server.user();
      const first = exchange(alice.refreshToken);
      if (index % 3 === 1) await new Promise((resolve) => setTimeout(resolve, 1));
      const [ended, ...answers] = await Promise.all([end(alice), first, exchange(alice.refreshToken)]);
      expect(ended.code).toBeUndefined();
      for (const { data } of answers) {
        if (!data) continue;
        expect((await exchange(String(data.refresh.refreshToken))).code).toBe('INVALID_TOKEN');
        expect((await server.query(meQuery, {}, { token: data.refresh.accessToken })).status).toBe(401);
      }
      expect(await sessionOf(alice)).toMatchObject({ revokedAt: expect.any(Date) });
    }
  });
});
