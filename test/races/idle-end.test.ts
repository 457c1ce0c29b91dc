import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, type TestUser, waitUntil } from '../test-server.ts';
import { openHolder } from './hold.ts';

const refresh = 'mutation ($refreshToken: String!) { refresh(input: { refreshToken: $refreshToken }) { accessToken refreshToken } }';
const sidOf = ({ tokenId }: TestUser) => Buffer.from(tokenId, 'base64').toString().replace('Token:', '');

/** What ends all sessions of a user, by the user with another session or by a superadmin. */
const ends: Record<string, { readonly isOwn: boolean; readonly document: string }> = {
  logoutEverywhere: { isOwn: true, document: 'mutation { logoutEverywhere(input: { exceptCurrent: true }) { ended } }' },
  revokeToken: { isOwn: true, document: 'mutation ($id: ID!) { revokeToken(input: { id: $id }) { changed } }' },
  resetUserAccess: { isOwn: false, document: 'mutation ($user: ID!) { resetUserAccess(input: { id: $user }) { __typename } }' },
  disableUser: { isOwn: false, document: 'mutation ($user: ID!) { disableUser(input: { id: $user }) { changed } }' },
};

/** The embedded database has one connection, so no request is ever between two statements of another one. */
describe.skipIf(isEmbedded)('a session at its idle end', async () => {
  const server = await startTestServer();
  const { prisma } = server.db;
  const superadmin = await server.user('SUPERADMIN');
  const holder = await openHolder(server);
  afterEach(() => holder.release());
  afterAll(() => holder.close());

  /** A user with two sessions, and how to end the first one by the second one or as a superadmin. */
  async function prepare(name: string) {
    const { isOwn, document } = ends[name] ?? { isOwn: true, document: '' };
    const user = await server.user();
    const keeper = await server.newSession(user);
    const end = () => (isOwn ? keeper : superadmin).query(document, { id: user.tokenId, user: user.id });
    return { user, end };
  }
  const idleEndIn = (user: TestUser, milliseconds: number) =>
    prisma.token.update({ where: { id: sidOf(user) }, data: { idleExpiresAt: new Date(Date.now() + milliseconds) } });
  const isWaiting = async () => (await holder.waiting()) > 0;
  const isAlive = async (user: TestUser) =>
    (await prisma.token.count({ where: { id: sidOf(user), revokedAt: null, idleExpiresAt: { gt: new Date() } } })) > 0;

  it.each(Object.keys(ends))('is not extended by a refresh that waited beyond it while %s ended', async (name) => {
    const { user, end } = await prepare(name);
    await idleEndIn(user, 700);
    await holder.begin([`select from "TokenSecret" where "tokenId" = $1 for update`, [sidOf(user)]]);
    const refreshed = server.query(refresh, { refreshToken: user.refreshToken });
    await waitUntil(isWaiting);
    await new Promise((resolve) => setTimeout(resolve, 800));
    expect((await end()).code).toBeUndefined();
    await holder.release();
    expect((await refreshed).code).toBe('INVALID_TOKEN');
    expect(await isAlive(user)).toBe(false);
  });

  it.each(Object.keys(ends))('is ended by %s also if a refresh has extended it and not committed yet', async (name) => {
    const { user, end } = await prepare(name);
    await idleEndIn(user, -1_000);
    const extend = `update "Token" set "idleExpiresAt" = now() + interval '1 day', rotations = rotations + 1 where id = $1`;
    await holder.begin([extend, [sidOf(user)]]);
    const ended = end();
    await waitUntil(isWaiting);
    await holder.commit();
    expect((await ended).code).toBeUndefined();
    expect((await user.query('{ me { id } }')).code).toMatch(/^(?:TOKEN_REVOKED|ACCOUNT_DISABLED)$/);
    expect(await isAlive(user)).toBe(false);
  });
});
