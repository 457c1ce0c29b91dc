import { describe, expect, it } from 'vitest';
import { startTestServer, type TestUser, waitUntil } from '../test-server.ts';
import { follow, type RevocationStream } from './revocation-stream.ts';

const server = await startTestServer();
const superadmin = await server.user('SUPERADMIN');
const sidOf = (person: Pick<TestUser, 'tokenId'>) => Buffer.from(person.tokenId, 'base64').toString().replace('Token:', '');
const signInAgain = (person: TestUser, domain?: string) => server.logIn(person.email, person.uuid, domain);
const pause = () => new Promise((resolve) => setTimeout(resolve, 300));
const logOut = (person: TestUser) => person.query('mutation { logout { ended } }');

/** The revocations that a superadmin receives while the work runs: session id, reason and initiator. */
async function revocationsDuring(work: () => Promise<unknown>) {
  const marker = await server.user();
  const stream = await follow(server, superadmin.accessToken, '(all: true)');
  await work();
  await logOut(marker);
  await waitUntil(() => stream.sids.includes(sidOf(marker)));
  await pause();
  stream.leave();
  return summarize(stream).filter(([sid]) => sid !== sidOf(marker));
}

const summarize = ({ events }: RevocationStream) => events.map(({ sid, reason, initiator }) => [sid, reason, initiator]).sort();
const expectedFor = (people: TestUser[], reason: string, initiator: string) => people.map((one) => [sidOf(one), reason, initiator]).sort();

const refresh = (refreshToken: string) =>
  server.query('mutation ($input: RefreshInput!) { refresh(input: $input) { refreshToken } }', { input: { refreshToken } });
const revokeToken = (by: TestUser, id: string) =>
  by.query('mutation ($input: RevokeTokenInput!) { revokeToken(input: $input) { changed } }', { input: { id } });

describe('tokenRevoked for each reason of a revocation', () => {
  it('delivers one event for a logout, and none for a second one', async () => {
    const alice = await server.user();
    expect(await revocationsDuring(async () => [await logOut(alice), await logOut(alice)])).toEqual(expectedFor([alice], 'LOGOUT', 'USER'));
  });

  it('delivers one event for every session of a logout everywhere', async () => {
    const alice = await server.user();
    const other = await signInAgain(alice);
    const everywhere = () => alice.query('mutation { logoutEverywhere(input: {}) { ended } }');
    expect(await revocationsDuring(everywhere)).toEqual(expectedFor([alice, other], 'LOGOUT', 'USER'));
  });

  it('delivers one event for a token revoked by its owner or an administrator, with the first reason', async () => {
    const alice = await server.user();
    const [one, two] = [await signInAgain(alice), await signInAgain(alice)];
    const work = async () => {
      await revokeToken(alice, one.tokenId);
      await revokeToken(superadmin, one.tokenId);
      await revokeToken(superadmin, two.tokenId);
    };
    expect(await revocationsDuring(work)).toEqual(
      [...expectedFor([one], 'USER_REVOKED', 'USER'), ...expectedFor([two], 'ADMIN_REVOKED', 'ADMIN')].sort(),
    );
  });

  it('delivers one event for an API token', async () => {
    const alice = await server.user();
    const { data } = await alice.query('mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { token { id } } }', {
      input: { description: 'ci', scopes: ['users:read'] },
    });
    const { id } = data.createApiToken.token;
    expect(await revocationsDuring(() => revokeToken(alice, id))).toEqual([[sidOf({ tokenId: id }), 'USER_REVOKED', 'USER']]);
  });

  it('delivers one event for a reused refresh token, and none for later uses', async () => {
    const alice = await server.user();
    const { data } = await refresh(alice.refreshToken);
    await refresh(data.refresh.refreshToken);
    const work = async () => {
      for (const _ of [1, 2, 3]) await refresh(alice.refreshToken);
    };
    expect(await revocationsDuring(work)).toEqual(expectedFor([alice], 'REUSE_DETECTED', 'POLICY'));
  });

  it('delivers one event for a session replaced by reauthenticate or login', async () => {
    const [alice, bob] = [await server.user(), await server.user()];
    const work = async () => {
      await alice.query('mutation ($input: ReauthenticateInput!) { reauthenticate(input: $input) { expiresAt } }', {
        input: { password: alice.password },
      });
      await bob.query('mutation ($input: LoginInput!) { login(input: $input) { __typename } }', {
        input: { email: bob.email, password: bob.password },
      });
    };
    expect(await revocationsDuring(work)).toEqual(expectedFor([alice, bob], 'REAUTHENTICATED', 'USER'));
  });

  it('delivers one event for a session that exceeds the session limit', async () => {
    const alice = await server.user();
    const more = {
      kind: 'SESSION' as const,
      userId: alice.uuid,
      scopes: [],
      expiresAt: new Date(Date.now() + 1e9),
      idleExpiresAt: new Date(Date.now() + 1e9),
    };
    await server.db.prisma.token.createMany({ data: Array.from({ length: 19 }, () => ({ ...more, lastUsedAt: new Date() })) });
    await server.db.prisma.token.update({ where: { id: sidOf(alice) }, data: { lastUsedAt: new Date(0) } });
    expect(await revocationsDuring(() => signInAgain(alice))).toEqual(expectedFor([alice], 'SESSION_LIMIT', 'POLICY'));
  });

  it('delivers one event for every session of a disabled user', async () => {
    const alice = await server.user();
    const other = await signInAgain(alice);
    const disable = () =>
      superadmin.query('mutation ($input: DisableUserInput!) { disableUser(input: $input) { changed } }', { input: { id: alice.id } });
    expect(await revocationsDuring(async () => [await disable(), await disable()])).toEqual(
      expectedFor([alice, other], 'USER_DISABLED', 'ADMIN'),
    );
  });

  it('delivers one event for every session in a domain that is disabled or deleted', async () => {
    const [disabled, deleted] = [await server.domain('closed'), await server.domain('gone')];
    const [alice, bob] = [
      await signInAgain(await server.user('USER', 'closed'), 'closed'),
      await signInAgain(await server.user('USER', 'gone'), 'gone'),
    ];
    const work = async () => {
      await superadmin.query('mutation ($input: UpdateDomainInput!) { updateDomain(input: $input) { domain { id } } }', {
        input: { id: disabled.globalId, active: false },
      });
      await superadmin.query('mutation ($input: DeleteDomainInput!) { deleteDomain(input: $input) { deletedId } }', {
        input: { id: deleted.globalId },
      });
    };
    expect(await revocationsDuring(work)).toEqual(
      [...expectedFor([alice], 'DOMAIN_DISABLED', 'ADMIN'), ...expectedFor([bob], 'DOMAIN_DELETED', 'ADMIN')].sort(),
    );
  });

  it('delivers nothing for operations that fail or revoke nothing', async () => {
    const [alice, bob] = [await server.user(), await server.user()];
    const work = async () => {
      await revokeToken(bob, alice.tokenId);
      await revokeToken(superadmin, Buffer.from('Token:nothing').toString('base64'));
      await refresh('fgr_nothing');
      await superadmin.query('mutation ($input: DisableUserInput!) { disableUser(input: $input) { changed } }', {
        input: { id: superadmin.id },
      });
      await alice.query('mutation { logoutEverywhere(input: { exceptCurrent: true }) { ended } }');
    };
    expect(await revocationsDuring(work)).toEqual([]);
  });
});
