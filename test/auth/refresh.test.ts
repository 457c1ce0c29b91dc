import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { graphql } from '../generated/gql.ts';
import { startTestServer, type TestUser, uniqueAddress } from '../test-server.ts';

const server = await startTestServer({ REQUIRE_EMAIL_CONFIRMATION: 'true' });
const { prisma } = server.db;

const refresh = graphql(`
  mutation Refresh($input: RefreshInput!) {
    refresh(input: $input) {
      accessToken
      refreshToken
      refreshExpiresAt
      token {
        id
        authenticatedAt
        expiresAt
      }
      user {
        id
      }
    }
  }
`);
const viewerQuery = graphql(`query ViewerAfterRefresh { viewer { fresh user { id } } }`);

const exchange = (refreshToken: string, how: { address?: string } = {}) => server.query(refresh, { input: { refreshToken } }, how);

/** Refreshes and returns the new refresh token. */
async function successor(refreshToken: string): Promise<string> {
  const { data } = await exchange(refreshToken);
  return String(data.refresh.refreshToken);
}

const sessionOf = ({ uuid }: TestUser) => prisma.token.findFirstOrThrow({ where: { userId: uuid }, include: { secrets: true } });
const days = (count: number) => new Date(Date.now() + count * 86_400_000);
describe('refresh', () => {
  it('exchanges a refresh token for a new token pair of the same session', async () => {
    const alice = await server.user();
    const { data } = await exchange(alice.refreshToken);
    expect(data.refresh).toMatchObject({ token: { id: alice.tokenId }, user: { id: alice.id } });
    expect(data.refresh.refreshToken).not.toBe(alice.refreshToken);
    const viewer = await server.query(viewerQuery, {}, { token: data.refresh.accessToken });
    expect(viewer.data.viewer.user?.id).toBe(alice.id);
    expect((await exchange(String(data.refresh.refreshToken))).code).toBeUndefined();
  });

  it('extends the idle expiry but never the absolute expiry', async () => {
    const alice = await server.user();
    await prisma.token.updateMany({
      where: { userId: alice.uuid },
      data: { expiresAt: days(3), idleExpiresAt: days(1), lastUsedAt: days(-1) },
    });
    const { data } = await exchange(alice.refreshToken);
    const after = await sessionOf(alice);
    expect(after.expiresAt.getTime()).toBeLessThan(days(3).getTime());
    expect(after.idleExpiresAt.getTime()).toBeGreaterThan(days(13).getTime());
    expect(after.lastUsedAt?.getTime()).toBeGreaterThan(days(-0.1).getTime());
    expect(data.refresh.refreshExpiresAt).toBe(data.refresh.token.expiresAt);
  });

  it('does not make the session fresh', async () => {
    const alice = await server.user();
    const authenticatedAt = days(-1);
    await prisma.token.updateMany({ where: { userId: alice.uuid }, data: { authenticatedAt } });
    const { data } = await exchange(alice.refreshToken);
    expect(data.refresh.token.authenticatedAt).toBe(authenticatedAt.toISOString());
    const claims = JSON.parse(Buffer.from(data.refresh.accessToken.split('.')[1] ?? '', 'base64url').toString());
    expect(claims.auth_time).toBe(Math.floor(authenticatedAt.getTime() / 1000));
    expect((await server.query(viewerQuery, {}, { token: data.refresh.accessToken })).data.viewer.fresh).toBe(false);
  });

  it('accepts only refresh tokens', async () => {
    const alice = await server.user();
    const created = await alice.query(`mutation { createApiToken(input: { description: "CI", scopes: ["users:read"] }) { secret } }`);
    const { secret } = created.data.createApiToken;
    const others = [
      alice.accessToken,
      secret,
      secret.replace('fg_', 'fgr_'),
      `${alice.refreshToken}A`,
      alice.refreshToken.slice(0, -1),
      `fgr_${'A'.repeat(43)}`,
      '',
    ];
    for (const other of others) expect((await exchange(String(other).slice(0, 256))).code, String(other)).toBe('INVALID_TOKEN');
    expect((await exchange(alice.refreshToken)).code).toBeUndefined();
  });

  it('rate-limits guesses of a network but still accepts valid tokens from it', async () => {
    const [alice, address] = [await server.user(), uniqueAddress()];
    const codes: (string | undefined)[] = [];
    for (let guess = 0; guess < 101; guess += 1) codes.push((await exchange(`fgr_${'A'.repeat(40)}${100 + guess}`, { address })).code);
    expect(codes.slice(0, 100)).toEqual(Array(100).fill('INVALID_TOKEN'));
    expect(codes[100]).toBe('RATE_LIMITED');
    expect(await exchange('fgr_', { address })).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
    expect((await exchange(alice.refreshToken, { address })).code).toBeUndefined();
  });
});

describe('refresh: rejected sessions', () => {
  it('returns INVALID_TOKEN after the idle or the absolute expiry without reporting reuse', async () => {
    for (const end of [{ idleExpiresAt: days(-1) }, { expiresAt: days(-1) }]) {
      const alice = await server.user();
      await prisma.token.updateMany({ where: { userId: alice.uuid }, data: end });
      expect((await exchange(alice.refreshToken)).code).toBe('INVALID_TOKEN');
      expect((await exchange(alice.refreshToken)).code).toBe('INVALID_TOKEN');
      expect(await prisma.tokenRevocation.count({ where: { userId: alice.uuid } })).toBe(0);
    }
  });

  it('returns INVALID_TOKEN after the session was revoked', async () => {
    const alice = await server.user();
    const next = await successor(alice.refreshToken);
    await alice.query('mutation { logout { ended } }');
    for (const value of [next, alice.refreshToken]) expect((await exchange(value)).code).toBe('INVALID_TOKEN');
    expect(await prisma.tokenRevocation.count({ where: { userId: alice.uuid } })).toBe(1);
  });

  it('returns INVALID_TOKEN while the account is disabled or unconfirmed or the domain inactive, without using up the token', async () => {
    const domain = await server.domain('inactive');
    const alice = await server.user('USER', 'inactive');
    const { id } = await sessionOf(alice);
    await prisma.token.update({ where: { id }, data: { domainId: domain.id } });
    const disable = (enabled: boolean) => prisma.user.update({ where: { id: alice.uuid }, data: { enabled } });
    const unconfirm = (yes: boolean) =>
      prisma.user.update({ where: { id: alice.uuid }, data: { emailConfirmedAt: yes ? new Date() : null } });
    const deactivate = (active: boolean) => prisma.domain.update({ where: { id: domain.id }, data: { active } });
    let value = alice.refreshToken;
    for (const change of [disable, unconfirm, deactivate]) {
      await change(false);
      expect((await exchange(value)).code, change.name).toBe('INVALID_TOKEN');
      await change(true);
      value = await successor(value);
    }
    expect(await prisma.tokenRevocation.count({ where: { userId: alice.uuid } })).toBe(0);
  });

  it('does not use up the token when the server fails', async () => {
    const alice = await server.user();
    await server.db.query(
      sql`create function fail() returns trigger language plpgsql as $$ begin raise exception 'disk full' using errcode = 'disk_full'; end $$`,
    );
    await server.db.query(sql`create trigger failing before insert on "TokenSecret" for each row execute function fail()`);
    expect(await exchange(alice.refreshToken)).toMatchObject({ data: null, code: 'UNAVAILABLE' });
    await server.db.query(sql`drop trigger failing on "TokenSecret"`);
    expect((await exchange(alice.refreshToken)).code).toBeUndefined();
    expect((await sessionOf(alice)).secrets).toHaveLength(2);
  });
});
