import { describe, expect, it } from 'vitest';
import { createTokenFor } from '../oauth/endpoint-client.ts';
import { startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;

const selections = ['accessToken', 'accessToken user { id }', 'accessToken token { id }', '__typename'];
const refresh = (refreshToken: string, token: string | undefined, selection = 'accessToken', rest = '') =>
  server.query(
    `mutation ($input: RefreshInput!) { refresh(input: $input) { ${selection} } ${rest} }`,
    { input: { refreshToken } },
    { token },
  );
const rotationsOf = async ({ uuid }: TestUser) => (await prisma.token.findFirstOrThrow({ where: { userId: uuid } })).rotations;

describe('refresh beside a bearer token', () => {
  it.each(selections)('of another user is rejected and changes nothing, when it selects %s', async (selection) => {
    const [alice, bob] = [await server.user(), await server.user()];
    const rest = 'setSetting(input: { key: "theme", value: "dark" }) { setting { key } }';
    for (const more of ['', rest]) {
      const answer = await refresh(bob.refreshToken, alice.accessToken, selection, more);
      expect(answer).toMatchObject({ code: 'INVALID_TOKEN', data: null });
    }
    expect([await rotationsOf(alice), await rotationsOf(bob)]).toEqual([0, 0]);
    expect(await prisma.userSetting.count({ where: { userId: bob.uuid } })).toBe(0);
    expect((await refresh(bob.refreshToken, undefined)).code).toBeUndefined();
  });

  it('of another session or an API token of the same user is rejected', async () => {
    const alice = await server.user();
    const again = await server.newSession(alice);
    const { secret } = await createTokenFor(server, alice.uuid, ['users:read']);
    for (const token of [again.accessToken, secret]) expect((await refresh(alice.refreshToken, token)).code).toBe('INVALID_TOKEN');
    expect((await refresh(alice.refreshToken, undefined)).code).toBeUndefined();
  });

  it('of another user is rejected for a used refresh token too, without reporting reuse', async () => {
    const [alice, bob] = [await server.user(), await server.user()];
    await refresh(bob.refreshToken, undefined);
    await prisma.tokenSecret.updateMany({ data: { usedAt: new Date(Date.now() - 3_600_000) }, where: { usedAt: { not: null } } });
    expect((await refresh(bob.refreshToken, alice.accessToken)).code).toBe('INVALID_TOKEN');
    expect(await prisma.tokenRevocation.count({ where: { userId: bob.uuid } })).toBe(0);
    expect((await refresh(bob.refreshToken, undefined)).code).toBe('TOKEN_REUSED');
  });

  it.each(selections)('of the same session works when it selects %s', async (selection) => {
    const alice = await server.user();
    expect((await refresh(alice.refreshToken, alice.accessToken, selection)).code).toBeUndefined();
  });
});

describe('the fields after refresh', () => {
  it.each(selections)('run as the owner of the session, whatever refresh selects: %s', async (selection) => {
    const alice = await server.user();
    const rest = 'setSetting(input: { key: "theme", value: "dark" }) { setting { key } }';
    const { data } = await refresh(alice.refreshToken, undefined, selection, rest);
    expect(data.setSetting.setting.key).toBe('theme');
    expect(await prisma.userSetting.count({ where: { userId: alice.uuid } })).toBe(1);
  });
});
