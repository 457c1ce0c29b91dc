import { describe, expect, it } from 'vitest';
import { open, type Person, until } from '../test-server.ts';
import { type Following, follow } from './following.ts';

const world = await open();
const superadmin = await world.user('SUPERADMIN');
const sidOf = (person: Pick<Person, 'tokenId'>) => Buffer.from(person.tokenId, 'base64').toString().replace('Token:', '');
const again = (person: Person, domain?: string) => world.signIn(person.email, person.uuid, domain);
const pause = () => new Promise((resolve) => setTimeout(resolve, 300));
const logOut = (person: Person) => person.ask('mutation { logout { ended } }');

/** What a superadmin hears while something is done: what ended, why, and who brought it about. */
async function during(work: () => Promise<unknown>) {
  const marker = await world.user();
  const stream = await follow(world, superadmin.accessToken, '(all: true)');
  await work();
  await logOut(marker);
  await until(() => stream.heard.includes(sidOf(marker)));
  await pause();
  stream.leave();
  return told(stream).filter(([sid]) => sid !== sidOf(marker));
}

const told = ({ events }: Following) => events.map(({ sid, reason, initiator }) => [sid, reason, initiator]).sort();
const each = (people: Person[], reason: string, initiator: string) => people.map((one) => [sidOf(one), reason, initiator]).sort();

const refresh = (refreshToken: string) =>
  world.send('mutation ($input: RefreshInput!) { refresh(input: $input) { refreshToken } }', { input: { refreshToken } });
const revokeToken = (by: Person, id: string) =>
  by.ask('mutation ($input: RevokeTokenInput!) { revokeToken(input: $input) { changed } }', { input: { id } });

describe('tokenRevoked, of each way to end a token, once and for each', () => {
  it('tells of a logout, and of no second one', async () => {
    const alice = await world.user();
    expect(await during(async () => [await logOut(alice), await logOut(alice)])).toEqual(each([alice], 'LOGOUT', 'USER'));
  });

  it('tells of a logout everywhere', async () => {
    const alice = await world.user();
    const other = await again(alice);
    const everywhere = () => alice.ask('mutation { logoutEverywhere(input: {}) { ended } }');
    expect(await during(everywhere)).toEqual(each([alice, other], 'LOGOUT', 'USER'));
  });

  it('tells of a token that its owner or somebody else ended, with the first reason', async () => {
    const alice = await world.user();
    const [one, two] = [await again(alice), await again(alice)];
    const work = async () => {
      await revokeToken(alice, one.tokenId);
      await revokeToken(superadmin, one.tokenId);
      await revokeToken(superadmin, two.tokenId);
    };
    expect(await during(work)).toEqual([...each([one], 'USER_REVOKED', 'USER'), ...each([two], 'ADMIN_REVOKED', 'ADMIN')].sort());
  });

  it('tells of an API token', async () => {
    const alice = await world.user();
    const { data } = await alice.ask('mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { token { id } } }', {
      input: { description: 'ci', scopes: ['users:read'] },
    });
    const { id } = data.createApiToken.token;
    expect(await during(() => revokeToken(alice, id))).toEqual([[sidOf({ tokenId: id }), 'USER_REVOKED', 'USER']]);
  });

  it('tells of a refresh token that was used again, and of no use of it after that', async () => {
    const alice = await world.user();
    const { data } = await refresh(alice.refreshToken);
    await refresh(data.refresh.refreshToken);
    const work = async () => {
      for (const _ of [1, 2, 3]) await refresh(alice.refreshToken);
    };
    expect(await during(work)).toEqual(each([alice], 'REUSE_DETECTED', 'POLICY'));
  });

  it('tells of the session that a new proof replaces', async () => {
    const [alice, bob] = [await world.user(), await world.user()];
    const work = async () => {
      await alice.ask('mutation ($input: ReauthenticateInput!) { reauthenticate(input: $input) { expiresAt } }', {
        input: { password: alice.password },
      });
      await bob.ask('mutation ($input: LoginInput!) { login(input: $input) { __typename } }', {
        input: { email: bob.email, password: bob.password },
      });
    };
    expect(await during(work)).toEqual(each([alice, bob], 'REAUTHENTICATED', 'USER'));
  });

  it('tells of the session for which there is one too many', async () => {
    const alice = await world.user();
    const more = {
      kind: 'SESSION' as const,
      userId: alice.uuid,
      scopes: [],
      expiresAt: new Date(Date.now() + 1e9),
      idleExpiresAt: new Date(Date.now() + 1e9),
    };
    await world.db.prisma.token.createMany({ data: Array.from({ length: 19 }, () => ({ ...more, lastUsedAt: new Date() })) });
    await world.db.prisma.token.update({ where: { id: sidOf(alice) }, data: { lastUsedAt: new Date(0) } });
    expect(await during(() => again(alice))).toEqual(each([alice], 'SESSION_LIMIT', 'POLICY'));
  });

  it('tells of all sessions of who is disabled', async () => {
    const alice = await world.user();
    const other = await again(alice);
    const disable = () =>
      superadmin.ask('mutation ($input: DisableUserInput!) { disableUser(input: $input) { changed } }', { input: { id: alice.id } });
    expect(await during(async () => [await disable(), await disable()])).toEqual(each([alice, other], 'USER_DISABLED', 'ADMIN'));
  });

  it('tells of what was entered through a domain that is disabled, or deleted', async () => {
    const [disabled, deleted] = [await world.domain('shut'), await world.domain('gone')];
    const [alice, bob] = [await again(await world.user('USER', 'shut'), 'shut'), await again(await world.user('USER', 'gone'), 'gone')];
    const work = async () => {
      await superadmin.ask('mutation ($input: UpdateDomainInput!) { updateDomain(input: $input) { domain { id } } }', {
        input: { id: disabled.globalId, active: false },
      });
      await superadmin.ask('mutation ($input: DeleteDomainInput!) { deleteDomain(input: $input) { deletedId } }', {
        input: { id: deleted.globalId },
      });
    };
    expect(await during(work)).toEqual([...each([alice], 'DOMAIN_DISABLED', 'ADMIN'), ...each([bob], 'DOMAIN_DELETED', 'ADMIN')].sort());
  });

  it('tells of nothing that fails, or finds nothing to end', async () => {
    const [alice, bob] = [await world.user(), await world.user()];
    const work = async () => {
      await revokeToken(bob, alice.tokenId);
      await revokeToken(superadmin, Buffer.from('Token:nothing').toString('base64'));
      await refresh('fgr_nothing');
      await superadmin.ask('mutation ($input: DisableUserInput!) { disableUser(input: $input) { changed } }', {
        input: { id: superadmin.id },
      });
      await alice.ask('mutation { logoutEverywhere(input: { exceptCurrent: true }) { ended } }');
    };
    expect(await during(work)).toEqual([]);
  });
});
