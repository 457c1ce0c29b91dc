import { describe, expect, it } from 'vitest';
import { open, type Person, until } from '../test-server.ts';
import { follow, type Transport } from './following.ts';
import { end, endMany, follower, readAll } from './log.ts';

const world = await open();
const superadmin = await world.user('SUPERADMIN');
const sidOf = (person: Pick<Person, 'tokenId'>) => Buffer.from(person.tokenId, 'base64').toString().replace('Token:', '');
const logOut = (person: Person) => person.ask('mutation { logout { ended } }');

describe.each<Transport>(['WebSocket', 'server-sent events'])('tokenRevoked with a cursor, over %s', (transport) => {
  const resumed = (token: string | undefined, cursor: string) => follow(world, token, `(all: true, after: "${cursor}")`, transport);

  it('tells first what was missed and then what comes, in the order of the log', async () => {
    const [alice, bob, start] = [await world.user(), await world.user(), await end(superadmin)];
    await logOut(alice);
    const stream = await resumed(superadmin.accessToken, start);
    await logOut(bob);
    await until(() => stream.heard.length === 2);
    expect(stream.heard).toEqual([sidOf(alice), sidOf(bob)]);
    stream.leave();
  });

  it('leaves no gap and repeats nothing, whatever ends while it catches up', async () => {
    const [alice, start] = [await world.user(), await end(superadmin)];
    await endMany(world, alice.uuid, 150);
    let isEnding = true;
    const ending = (async () => {
      // Statements of the embedded PostgreSQL end without a turn of the event loop: nobody else would have one.
      for (; isEnding; await new Promise((resolve) => setTimeout(resolve, 1))) await endMany(world, alice.uuid, 7);
    })();
    const opening = Promise.all(Array.from({ length: 5 }, () => resumed(superadmin.accessToken, start)));
    const streams = await opening.finally(() => {
      isEnding = false;
    });
    await ending;
    const log = (await readAll(superadmin, 'all: true', start)).map(({ sid }) => sid);
    for (const stream of streams) {
      await until(() => stream.heard.length >= log.length);
      expect(stream.heard).toEqual(log);
      stream.leave();
    }
  }, 30_000);

  it('goes on from any event that it told, with the next', async () => {
    const [alice, start] = [await world.user(), await end(superadmin)];
    await endMany(world, alice.uuid, 20);
    const log = await readAll(superadmin, 'all: true', start);
    for (const at of [0, 6, 7, 18]) {
      const stream = await resumed(superadmin.accessToken, log[at]?.cursor ?? '');
      await until(() => stream.heard.length === 19 - at);
      expect(stream.heard).toEqual(log.slice(at + 1).map(({ sid }) => sid));
      stream.leave();
    }
  });

  it('tells of what was missed only what the viewer may know of now', async () => {
    const [admin, other, alice, start] = [await world.user('ADMIN'), await world.user('ADMIN'), await world.user(), await end(superadmin)];
    await logOut(other);
    await logOut(alice);
    const stream = await resumed(admin.accessToken, start);
    await until(() => stream.heard.length);
    expect(stream.heard).toEqual([sidOf(alice)]);
    stream.leave();
  });

  it('refuses one that is too old or none, with a code, and streams nothing', async () => {
    const ahead = await resumed(superadmin.accessToken, Buffer.from('999999999999.1').toString('base64url'));
    expect([await ahead.ended, ahead.heard]).toEqual(['CURSOR_EXPIRED', []]);
    const none = await resumed(superadmin.accessToken, 'nothing');
    expect([await none.ended, none.heard]).toEqual(['INVALID_INPUT', []]);
  });

  it('serves a resource server, by its API token, until that ends', async () => {
    const [server, alice, start] = [await follower(world), await world.user(), await end(superadmin)];
    await logOut(alice);
    const stream = await resumed(server.token, start);
    await until(() => stream.heard.length);
    expect(stream.heard).toEqual([sidOf(alice)]);
    await superadmin.ask('mutation ($id: ID!) { revokeTokens(input: { userId: $id, kind: API }) { ended } }', { id: server.account.id });
    await stream.closed;
    expect(stream.heard).toHaveLength(1);
  });

  it('ends as soon as the role is gone that permitted it', async () => {
    const [server, alice] = [await follower(world), await world.user()];
    const stream = await resumed(server.token, await end(superadmin));
    await world.db.prisma.roleGrant.deleteMany({ where: { userId: server.account.uuid } });
    await logOut(alice);
    expect([await stream.ended, stream.heard]).toEqual(['FORBIDDEN', []]);
  });
});
