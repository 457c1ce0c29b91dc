import { describe, expect, it } from 'vitest';
import { open, type Person, until } from '../test-server.ts';
import { rawSocket } from '../transport/raw.ts';
import { follow, type Transport } from './following.ts';

const world = await open();
await world.domain('inside');
const superadmin = await world.user('SUPERADMIN');
const sidOf = (person: Pick<Person, 'tokenId'>) => Buffer.from(person.tokenId, 'base64').toString().replace('Token:', '');
const again = (person: Person, domain?: string) => world.signIn(person.email, person.uuid, domain);
const logOut = (person: Person) => person.ask('mutation { logout { ended } }');
const closedAs = (transport: Transport) => (transport === 'WebSocket' ? '4403 The session has ended' : 'complete');

/** Resolves within the 2 s in which an ended session may still have a connection. */
const soon = <T>(promise: Promise<T>) => Promise.race([promise, new Promise((resolve) => setTimeout(resolve, 2_000, 'still open'))]);

describe.each<Transport>(['WebSocket', 'server-sent events'])('a stream of tokenRevoked over %s', (transport) => {
  it('ends with the event of its own session', async () => {
    const alice = await world.user();
    const stream = await follow(world, alice.accessToken, '', transport);
    await logOut(alice);
    expect(await soon(stream.closed)).toBe(closedAs(transport));
    expect([stream.heard, await stream.ended]).toEqual([[sidOf(alice)], 'complete']);
  });

  it('ends so also when all sessions end at once', async () => {
    for (let times = 0; times < 5; times += 1) {
      const alice = await world.user();
      const others = [await again(alice), await again(alice)];
      const streams = await Promise.all([alice, ...others].map((one) => follow(world, one.accessToken, '', transport)));
      await others[0]?.ask('mutation { logoutEverywhere(input: {}) { ended } }');
      for (const [index, one] of [alice, ...others].entries()) {
        expect(await soon(streams[index]?.closed ?? Promise.reject())).toBe(closedAs(transport));
        expect([streams[index]?.heard.at(-1), await streams[index]?.ended]).toEqual([sidOf(one), 'complete']);
      }
    }
  });

  it('ends with its own session also where it follows something else', async () => {
    const admin = await world.user('ADMIN');
    const alice = await world.user();
    const stream = await follow(world, admin.accessToken, `(userId: "${alice.id}")`, transport);
    await logOut(admin);
    expect(await soon(stream.closed)).toBe(closedAs(transport));
    expect([stream.heard, await stream.ended]).toEqual([[], 'complete']);
  });

  it('ends when the user is disabled, or the domain of the session', async () => {
    const [alice, bob] = [await world.user(), await again(await world.user('USER', 'inside'), 'inside')];
    const streams = [await follow(world, alice.accessToken, '', transport), await follow(world, bob.accessToken, '', transport)];
    const { id } = (await superadmin.ask('{ domain(name: "inside") { id } }')).data.domain;
    const update = (active: boolean) =>
      superadmin.ask('mutation ($input: UpdateDomainInput!) { updateDomain(input: $input) { domain { id } } }', { input: { id, active } });
    await superadmin.ask('mutation ($input: DisableUserInput!) { disableUser(input: $input) { changed } }', { input: { id: alice.id } });
    await update(false);
    for (const stream of streams) expect(await soon(stream.closed)).toBe(closedAs(transport));
    await update(true);
    expect(streams.map(({ events }) => events.map(({ reason }) => reason))).toEqual([['USER_DISABLED'], ['DOMAIN_DISABLED']]);
  });

  it('asks for every event whether it may still be told', async () => {
    const [admin, chief] = [await world.user('ADMIN'), await world.user('ADMIN', 'inside')];
    const member = await world.user('USER', 'inside');
    const streams = await Promise.all([
      follow(world, admin.accessToken, '(all: true)', transport),
      follow(world, admin.accessToken, `(userId: "${member.id}")`, transport),
      follow(world, chief.accessToken, '(domain: "inside")', transport),
    ]);
    const first = await again(member, 'inside');
    await logOut(first);
    for (const stream of streams) await until(() => stream.heard.length);
    for (const [one, domain] of [[admin], [chief, 'inside']] as const)
      await superadmin.ask('mutation ($input: RevokeRoleInput!) { revokeRole(input: $input) { changed } }', {
        input: { userId: one.id, role: 'ADMIN', domain },
      });
    await logOut(await again(member, 'inside'));
    for (const stream of streams) {
      expect(await soon(stream.ended)).toBe('FORBIDDEN');
      expect(stream.heard).toEqual([sidOf(first)]);
      stream.leave();
    }
  });

  it('ends with the access token that it was opened with', async () => {
    const brief = await open({ ACCESS_TOKEN_TTL: '2s' });
    const alice = await brief.user();
    const stream = await follow(brief, alice.accessToken, '', transport);
    expect(await soon(stream.ended)).toBe('TOKEN_EXPIRED');
    expect(await soon(stream.closed)).toBe(closedAs(transport));
    await brief.close();
  });

  it('ends with the API token that it was opened with', async () => {
    const alice = await world.user();
    const { data } = await alice.ask('mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret token { id } } }', {
      input: { description: 'gateway', scopes: ['tokens:read'] },
    });
    const { secret, token } = data.createApiToken;
    const stream = await follow(world, secret, '', transport);
    const device = await again(alice);
    await logOut(device);
    await until(() => stream.heard.length);
    await alice.ask('mutation ($input: RevokeTokenInput!) { revokeToken(input: $input) { changed } }', { input: { id: token.id } });
    expect(await soon(stream.closed)).toBe(closedAs(transport));
    expect(stream.heard).toEqual([sidOf(device), sidOf({ tokenId: token.id })]);
  });
});

describe('a socket', () => {
  it('without any stream is closed with its session too', async () => {
    const alice = await world.user();
    const socket = await rawSocket(world);
    await socket.init(alice.accessToken);
    await logOut(alice);
    expect(await soon(socket.closed)).toEqual({ code: 4403, reason: 'The session has ended' });
  });

  it('of nobody stays, and so does that of another session', async () => {
    const alice = await world.user();
    const [nobody, other] = [await rawSocket(world), await rawSocket(world)];
    await nobody.init();
    await other.init((await again(alice)).accessToken);
    await logOut(alice);
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (const socket of [nobody, other]) {
      socket.send({ type: 'ping' });
      await socket.heard('pong');
    }
  });
});
