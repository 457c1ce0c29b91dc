import { expect, it } from 'vitest';
import { startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;

const document = 'mutation ($input: RefreshInput!) { refresh(input: $input) { refreshToken } }';
const exchange = (refreshToken: string) => server.query(document, { input: { refreshToken } });
const secretsOf = ({ uuid }: TestUser) => prisma.tokenSecret.count({ where: { token: { userId: uuid } } });

it('rejects the 301st refresh of a session in 5 minutes, stores nothing for it and leaves the token usable', async () => {
  const alice = await server.user();
  let { refreshToken } = alice;
  for (let index = 0; index < 300; index += 1) refreshToken = (await exchange(refreshToken)).data.refresh.refreshToken;
  const stored = await secretsOf(alice);
  for (const _ of [1, 2]) {
    const { code, headers } = await exchange(refreshToken);
    const seconds = Number(headers.get('retry-after'));
    expect([code, seconds > 0 && seconds <= 300]).toEqual(['RATE_LIMITED', true]);
  }
  expect(await secretsOf(alice)).toBe(stored);
  expect((await exchange((await server.user()).refreshToken)).code).toBeUndefined();
  await prisma.token.updateMany({ where: { userId: alice.uuid }, data: { refreshWindowAt: new Date(Date.now() - 1_000) } });
  const { data } = await exchange(refreshToken);
  expect((await exchange(data.refresh.refreshToken)).code).toBeUndefined();
});

it('does not count a retry that receives the same successor', async () => {
  const alice = await server.user();
  for (let index = 0; index < 310; index += 1) expect((await exchange(alice.refreshToken)).code).toBeUndefined();
  expect(await prisma.token.findFirst({ where: { userId: alice.uuid } })).toMatchObject({ recentRefreshes: 1 });
});
