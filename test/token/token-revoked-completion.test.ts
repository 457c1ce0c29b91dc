import { describe, expect, it } from 'vitest';
import { startTestServer, type TestUser, waitUntil } from '../test-server.ts';
import { rawSocket } from '../transport/raw-client.ts';
import { follow, type Transport } from './revocation-stream.ts';

const server = await startTestServer();
await server.domain('inside');
const superadmin = await server.user('SUPERADMIN');
const sidOf = (person: Pick<TestUser, 'tokenId'>) => Buffer.from(person.tokenId, 'base64').toString().replace('Token:', '');
const signInAgain = (person: TestUser, domain?: string) => server.logIn(person.email, person.uuid, domain);
const logOut = (person: TestUser) => person.query('mutation { logout { ended } }');
const closedAs = (transport: Transport) => (transport === 'WebSocket' ? '4403 The session has ended' : 'complete');

/** Fails after 2 s, the time within which the connections of a revoked session must be closed. */
const soon = <T>(promise: Promise<T>) => Promise.race([promise, new Promise((resolve) => setTimeout(resolve, 2_000, 'still open'))]);

describe.each<Transport>(['WebSocket', 'server-sent events'])('a stream of tokenRevoked over %s', (transport) => {
  it('delivers the revocation of its own session and completes', async () => {
    const alice = await server.user();
    const stream = await follow(server, alice.accessToken, '', transport);
    await logOut(alice);
    expect(await soon(stream.closed)).toBe(closedAs(transport));
    expect([stream.sids, await stream.ended]).toEqual([[sidOf(alice)], 'complete']);
  });

  it('delivers only the revocation of its own session and completes when all sessions of the user end at once', async () => {
    for (let times = 0; times < 5; times += 1) {
      const alice = await server.user();
      const others = [await signInAgain(alice), await signInAgain(alice)];
      const streams = await Promise.all([alice, ...others].map((one) => follow(server, one.accessToken, '', transport)));
      await others[0]?.query('mutation { logoutEverywhere(input: {}) { ended } }');
      for (const [index, one] of [alice, ...others].entries()) {
        expect(await soon(streams[index]?.closed ?? Promise.reject())).toBe(closedAs(transport));
        expect([streams[index]?.sids, await streams[index]?.ended]).toEqual([[sidOf(one)], 'complete']);
      }
    }
  });

  it('shows in the revocation of its own session nothing that takes a role', async () => {
    const revoked = await server.user('SUPERADMIN');
    const sessions = [revoked, await signInAgain(revoked)];
    const streams = await Promise.all(
      sessions.map(({ accessToken }) => follow(server, accessToken, '', transport, '{ sid actor { id } }')),
    );
    await superadmin.query('mutation ($id: ID!) { revokeToken(input: { id: $id }) { changed } }', { id: revoked.tokenId });
    for (const stream of streams) await waitUntil(() => stream.events.length);
    expect(streams.map(({ events }) => events)).toEqual([
      [{ sid: sidOf(revoked), actor: null }],
      [{ sid: sidOf(revoked), actor: { id: superadmin.id } }],
    ]);
    streams[1]?.leave();
  });

  it('completes when its own session ends even if it follows other tokens', async () => {
    const admin = await server.user('ADMIN');
    const alice = await server.user();
    const stream = await follow(server, admin.accessToken, `(userId: "${alice.id}")`, transport);
    await logOut(admin);
    expect(await soon(stream.closed)).toBe(closedAs(transport));
    expect([stream.sids, await stream.ended]).toEqual([[], 'complete']);
  });

  it('completes when the user or the domain of the session is disabled', async () => {
    const [alice, bob] = [await server.user(), await signInAgain(await server.user('USER', 'inside'), 'inside')];
    const streams = [await follow(server, alice.accessToken, '', transport), await follow(server, bob.accessToken, '', transport)];
    const { id } = (await superadmin.query('{ domain(name: "inside") { id } }')).data.domain;
    const update = (active: boolean) =>
      superadmin.query('mutation ($input: UpdateDomainInput!) { updateDomain(input: $input) { domain { id } } }', {
        input: { id, active },
      });
    await superadmin.query('mutation ($input: DisableUserInput!) { disableUser(input: $input) { changed } }', { input: { id: alice.id } });
    await update(false);
    for (const stream of streams) expect(await soon(stream.closed)).toBe(closedAs(transport));
    await update(true);
    expect(streams.map(({ events }) => events.map(({ reason }) => reason))).toEqual([['USER_DISABLED'], ['DOMAIN_DISABLED']]);
  });

  it('rechecks the permission for every event and ends with FORBIDDEN once it is lost', async () => {
    const [admin, domainAdmin] = [await server.user('ADMIN'), await server.user('ADMIN', 'inside')];
    const member = await server.user('USER', 'inside');
    const streams = await Promise.all([
      follow(server, admin.accessToken, '(all: true)', transport),
      follow(server, admin.accessToken, `(userId: "${member.id}")`, transport),
      follow(server, domainAdmin.accessToken, '(domain: "inside")', transport),
    ]);
    const first = await signInAgain(member, 'inside');
    await logOut(first);
    for (const stream of streams) await waitUntil(() => stream.sids.length);
    for (const [one, domain] of [[admin], [domainAdmin, 'inside']] as const)
      await superadmin.query('mutation ($input: RevokeRoleInput!) { revokeRole(input: $input) { changed } }', {
        input: { userId: one.id, role: 'ADMIN', domain },
      });
    await logOut(await signInAgain(member, 'inside'));
    for (const stream of streams) {
      expect(await soon(stream.ended)).toBe('FORBIDDEN');
      expect(stream.sids).toEqual([sidOf(first)]);
      stream.leave();
    }
  });

  it('ends when the access token it was opened with expires', async () => {
    const brief = await startTestServer({ ACCESS_TOKEN_TTL: '2s' });
    const alice = await brief.user();
    const stream = await follow(brief, alice.accessToken, '', transport);
    expect(await soon(stream.ended)).toBe('TOKEN_EXPIRED');
    expect(await soon(stream.closed)).toBe(closedAs(transport));
    await brief.close();
  });

  it('completes when the API token it was opened with is revoked', async () => {
    const alice = await server.user();
    const { data } = await alice.query(
      'mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret token { id } } }',
      {
        input: { description: 'gateway', scopes: ['tokens:read'] },
      },
    );
    const { secret, token } = data.createApiToken;
    const stream = await follow(server, secret, '', transport);
    const device = await signInAgain(alice);
    await logOut(device);
    await waitUntil(() => stream.sids.length);
    await alice.query('mutation ($input: RevokeTokenInput!) { revokeToken(input: $input) { changed } }', { input: { id: token.id } });
    expect(await soon(stream.closed)).toBe(closedAs(transport));
    expect(stream.sids).toEqual([sidOf(device), sidOf({ tokenId: token.id })]);
  });
});

describe('a WebSocket', () => {
  it('closes a WebSocket without subscriptions when its session ends', async () => {
    const alice = await server.user();
    const socket = await rawSocket(server);
    await socket.init(alice.accessToken);
    await logOut(alice);
    expect(await soon(socket.closed)).toEqual({ code: 4403, reason: 'The session has ended' });
  });

  it('keeps a WebSocket of an anonymous client or another session open', async () => {
    const alice = await server.user();
    const [nobody, other] = [await rawSocket(server), await rawSocket(server)];
    await nobody.init();
    await other.init((await signInAgain(alice)).accessToken);
    await logOut(alice);
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (const socket of [nobody, other]) {
      socket.send({ type: 'ping' });
      await socket.waitForMessage('pong');
    }
  });
});
