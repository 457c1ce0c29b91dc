import { describe, expect, it } from 'vitest';
import { formatCursor } from '../../src/identity/tokens/revocation-cursor.ts';
import { startTestServer, type TestUser, waitUntil } from '../test-server.ts';
import { endCursor, readRevocations, resourceServer, revokeMany } from './revocation-log.ts';
import { follow, type Transport } from './revocation-stream.ts';

const server = await startTestServer();
const superadmin = await server.user('SUPERADMIN');
const sidOf = (person: Pick<TestUser, 'tokenId'>) => Buffer.from(person.tokenId, 'base64').toString().replace('Token:', '');
const logOut = (person: TestUser) => person.query('mutation { logout { ended } }');

describe.each<Transport>(['WebSocket', 'server-sent events'])('tokenRevoked with a cursor, over %s', (transport) => {
  const resumed = (token: string | undefined, cursor: string) => follow(server, token, `(all: true, after: "${cursor}")`, transport);

  it('delivers missed revocations first and then new ones, in the order of the log', async () => {
    const [alice, bob, start] = [await server.user(), await server.user(), await endCursor(superadmin)];
    await logOut(alice);
    const stream = await resumed(superadmin.accessToken, start);
    await logOut(bob);
    await waitUntil(() => stream.sids.length === 2);
    expect(stream.sids).toEqual([sidOf(alice), sidOf(bob)]);
    stream.leave();
  });

  it('delivers every revocation exactly once when tokens are revoked while it catches up', async () => {
    const [alice, start] = [await server.user(), await endCursor(superadmin)];
    await revokeMany(server, alice.uuid, 150);
    let isEnding = true;
    const ending = (async () => {
      // Statements of the embedded PostgreSQL resolve without yielding to the event loop, which would starve the streams.
      for (; isEnding; await new Promise((resolve) => setTimeout(resolve, 1))) await revokeMany(server, alice.uuid, 7);
    })();
    const opening = Promise.all(Array.from({ length: 5 }, () => resumed(superadmin.accessToken, start)));
    const streams = await opening.finally(() => {
      isEnding = false;
    });
    await ending;
    const log = (await readRevocations(superadmin, 'all: true', start)).map(({ sid }) => sid);
    for (const stream of streams) {
      await waitUntil(() => stream.sids.length >= log.length);
      expect(stream.sids).toEqual(log);
      stream.leave();
    }
  }, 30_000);

  it('resumes from the cursor of any event with the next event', async () => {
    const [alice, start] = [await server.user(), await endCursor(superadmin)];
    await revokeMany(server, alice.uuid, 20);
    const log = await readRevocations(superadmin, 'all: true', start);
    for (const at of [0, 6, 7, 18]) {
      const stream = await resumed(superadmin.accessToken, log[at]?.cursor ?? '');
      await waitUntil(() => stream.sids.length === 19 - at);
      expect(stream.sids).toEqual(log.slice(at + 1).map(({ sid }) => sid));
      stream.leave();
    }
  });

  it('delivers only those missed revocations that the viewer can see now', async () => {
    const [admin, other, alice, start] = [
      await server.user('ADMIN'),
      await server.user('ADMIN'),
      await server.user(),
      await endCursor(superadmin),
    ];
    await logOut(other);
    await logOut(alice);
    const stream = await resumed(admin.accessToken, start);
    await waitUntil(() => stream.sids.length);
    expect(stream.sids).toEqual([sidOf(alice)]);
    stream.leave();
  });

  it('rejects an expired or malformed cursor with a code and delivers nothing', async () => {
    const ahead = await resumed(superadmin.accessToken, formatCursor(server.keys, { position: 999_999_999_999n, seq: 1n }));
    expect([await ahead.ended, ahead.sids]).toEqual(['CURSOR_EXPIRED', []]);
    const none = await resumed(superadmin.accessToken, 'nothing');
    expect([await none.ended, none.sids]).toEqual(['INVALID_INPUT', []]);
  });

  it('delivers to a resource server with an API token until that token is revoked', async () => {
    const [subscriber, alice, start] = [await resourceServer(server), await server.user(), await endCursor(superadmin)];
    await logOut(alice);
    const stream = await resumed(subscriber.token, start);
    await waitUntil(() => stream.sids.length);
    expect(stream.sids).toEqual([sidOf(alice)]);
    await superadmin.query('mutation ($id: ID!) { revokeTokens(input: { userId: $id, kind: API }) { ended } }', {
      id: subscriber.account.id,
    });
    await stream.closed;
    expect(stream.sids).toHaveLength(1);
  });

  it('ends with TOKEN_EXPIRED instead of the next revocation when the API token has expired', async () => {
    const [subscriber, alice] = [await resourceServer(server), await server.user()];
    const stream = await resumed(subscriber.token, await endCursor(superadmin));
    const ended = new Date(Date.now() - 1_000);
    const where = { userId: subscriber.account.uuid, kind: 'API' } as const;
    await server.db.prisma.token.updateMany({ where, data: { expiresAt: ended, idleExpiresAt: ended } });
    await logOut(alice);
    expect([await stream.ended, stream.sids]).toEqual(['TOKEN_EXPIRED', []]);
  });

  it('ends with FORBIDDEN when the role that permitted it is revoked', async () => {
    const [subscriber, alice] = [await resourceServer(server), await server.user()];
    const stream = await resumed(subscriber.token, await endCursor(superadmin));
    await server.db.prisma.roleGrant.deleteMany({ where: { userId: subscriber.account.uuid } });
    await logOut(alice);
    expect([await stream.ended, stream.sids]).toEqual(['FORBIDDEN', []]);
  });
});
