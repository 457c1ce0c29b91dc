import { describe, expect, it } from 'vitest';
import { startTestServer, type TestUser, waitUntil } from '../test-server.ts';
import { follow, type Transport } from './revocation-stream.ts';

const server = await startTestServer();
await server.domain('above');
await server.domain('inside', 'above');
await server.domain('abroad');

const pause = () => new Promise((resolve) => setTimeout(resolve, 300));
const sidOf = (person: TestUser) => Buffer.from(person.tokenId, 'base64').toString().replace('Token:', '');
/** Another session of a user, optionally in a domain. */
const signInAgain = (person: TestUser, domain?: string) => server.logIn(person.email, person.uuid, domain);
const logOut = (person: TestUser) => person.query('mutation { logout { ended } }');

describe.each<Transport>(['WebSocket', 'server-sent events'])('tokenRevoked over %s', (transport) => {
  it("delivers revocations of the viewer's own tokens only", async () => {
    const [alice, bob] = [await server.user(), await server.user()];
    const stream = await follow(server, alice.accessToken, '', transport);
    const device = await signInAgain(alice);
    await logOut(bob);
    await logOut(device);
    await waitUntil(() => stream.sids.length > 0);
    expect(stream.events).toEqual([
      expect.objectContaining({
        sid: sidOf(device),
        tokenId: device.tokenId,
        userId: alice.id,
        kind: 'SESSION',
        reason: 'LOGOUT',
        initiator: 'USER',
      }),
    ]);
    stream.leave();
  });

  it('rejects an anonymous client with UNAUTHENTICATED', async () => {
    for (const args of ['', '(all: true)', '(domain: "inside")']) {
      const stream = await follow(server, undefined, args, transport);
      expect(await stream.ended).toBe('UNAUTHENTICATED');
      stream.leave();
    }
  });

  it('delivers revocations of a user to users with a higher rank only', async () => {
    const [alice, admin, peer, superadmin] = [
      await server.user(),
      await server.user('ADMIN'),
      await server.user('ADMIN'),
      await server.user('SUPERADMIN'),
    ];
    const refused = async (by: TestUser, of: TestUser) => {
      const stream = await follow(server, by.accessToken, `(userId: "${of.id}")`, transport);
      stream.leave();
      return stream.ended;
    };
    expect(await refused(alice, admin)).toBe('NOT_FOUND');
    expect(await refused(alice, { ...alice, id: Buffer.from('User:unknown').toString('base64') })).toBe('NOT_FOUND');
    for (const of of [peer, superadmin]) expect(await refused(admin, of)).toBe('FORBIDDEN');
    const streams = [
      await follow(server, admin.accessToken, `(userId: "${alice.id}")`, transport),
      await follow(server, superadmin.accessToken, `(userId: "${peer.id}")`, transport),
    ];
    await logOut(alice);
    await logOut(peer);
    for (const [index, of] of [alice, peer].entries()) {
      await waitUntil(() => streams[index]?.sids.length);
      expect(streams[index]?.sids).toEqual([sidOf(of)]);
      streams[index]?.leave();
    }
  });

  it('delivers revocations in a domain to its administrators and those of its parents only', async () => {
    const member = await server.user('USER', 'inside');
    const rules = [await server.user('ADMIN', 'inside'), await server.user('ADMIN', 'above'), await server.user('ADMIN')];
    const streams = await Promise.all(rules.map((one) => follow(server, one.accessToken, '(domain: "inside")', transport)));
    for (const one of [await server.user('ADMIN', 'abroad'), member]) {
      const stream = await follow(server, one.accessToken, '(domain: "inside")', transport);
      expect(await stream.ended).toBe('NOT_FOUND');
      stream.leave();
    }
    const [entered, elsewhere, domainAdmin] = [
      await signInAgain(member, 'inside'),
      await signInAgain(member),
      await server.user('ADMIN', 'inside'),
    ];
    const entering = await signInAgain(domainAdmin, 'inside');
    for (const session of [elsewhere, entering, entered]) await logOut(session);
    for (const stream of streams) await waitUntil(() => stream.sids.includes(sidOf(entered)));
    const [own, above, platform] = streams.map(({ sids }) => sids);
    expect([own, above]).toEqual([[sidOf(entered)], [sidOf(entered)]]); // without the session of another ADMIN of the domain
    expect(platform).toEqual([sidOf(entering), sidOf(entered)]);
    for (const stream of streams) stream.leave();
  });

  it('delivers with all: true everything that an administrator can see', async () => {
    const [alice, admin, peer, superadmin] = [
      await server.user(),
      await server.user('ADMIN'),
      await server.user('ADMIN'),
      await server.user('SUPERADMIN'),
    ];
    const refused = await follow(server, alice.accessToken, '(all: true)', transport);
    expect(await refused.ended).toBe('FORBIDDEN');
    const [under, over] = [
      await follow(server, admin.accessToken, '(all: true)', transport),
      await follow(server, superadmin.accessToken, '(all: true)', transport),
    ];
    for (const one of [peer, alice]) await logOut(one);
    for (const stream of [under, over]) await waitUntil(() => stream.sids.includes(sidOf(alice)));
    expect(under.sids).toEqual([sidOf(alice)]);
    expect(over.sids).toEqual([sidOf(peer), sidOf(alice)]);
    expect(await Promise.race([under.ended, 'not a word of the other'])).toBe('not a word of the other');
    for (const stream of [refused, under, over]) stream.leave();
  });

  it('accepts one of the arguments at a time and ignores null', async () => {
    const admin = await server.user('ADMIN');
    const both = await follow(server, admin.accessToken, `(all: true, userId: "${admin.id}")`, transport);
    expect(await both.ended).toBe('INVALID_INPUT');
    const stream = await follow(server, admin.accessToken, '(all: false, userId: null, domain: null)', transport);
    const alice = await server.user();
    await logOut(alice);
    const device = await signInAgain(admin);
    await logOut(device);
    await waitUntil(() => stream.sids.length);
    expect(stream.sids).toEqual([sidOf(device)]);
    for (const one of [both, stream]) one.leave();
  });

  it('delivers to every subscriber of the same tokens, but not to one that has left', async () => {
    const alice = await server.user();
    const device = await signInAgain(alice);
    const [one, two, left] = await Promise.all([1, 2, 3].map(() => follow(server, alice.accessToken, '', transport)));
    left?.leave();
    await left?.closed;
    await logOut(device);
    for (const stream of [one, two]) {
      await waitUntil(() => stream?.sids.length);
      expect(stream?.sids).toEqual([sidOf(device)]);
      stream?.leave();
    }
    await pause();
    expect(left?.sids).toEqual([]);
  });

  it('includes the token only for viewers who may read it, and never its secret', async () => {
    const member = await server.user('USER', 'inside');
    const [domainAdmin, admin] = [await server.user('ADMIN', 'inside'), await server.user('ADMIN')];
    const streams = await Promise.all([domainAdmin, admin].map((one) => follow(server, one.accessToken, '(domain: "inside")', transport)));
    const entered = await signInAgain(member, 'inside');
    await logOut(entered);
    for (const stream of streams) await waitUntil(() => stream.sids.length);
    expect(streams.map(({ events }) => events[0]?.token)).toEqual([null, { id: entered.tokenId }]);
    expect(JSON.stringify(streams.map(({ events }) => events))).not.toContain(entered.refreshToken);
    for (const stream of streams) stream.leave();
  });
});
