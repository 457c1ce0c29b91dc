import { describe, expect, it } from 'vitest';
import { open, type Person } from '../test-server.ts';

const world = await open();
const superadmin = await world.user('SUPERADMIN');
await world.domain('north');
await world.domain('south');

const endAll = (by: Person, whom: Person, kind?: 'SESSION' | 'API') =>
  by.ask('mutation ($input: RevokeTokensInput!) { revokeTokens(input: $input) { ended } }', {
    input: { userId: whom.id, ...(kind && { kind }) },
  });
const again = (person: Person, domain?: string) => world.signIn(person.email, person.uuid, domain);
const isAlive = async (person: Person) => (await person.ask('{ me { id } }')).code === undefined;

/** An API token of somebody. */
async function apiToken(person: Person) {
  const { data } = await person.ask('mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret } }', {
    input: { description: 'ci', scopes: ['users:read'] },
  });
  return {
    ...person,
    ask: ((document, variables) => world.send(document, variables, { token: data.createApiToken.secret })) as Person['ask'],
  };
}

describe('revokeTokens', () => {
  it('ends every session and API token of a user, at once, and nobody else’s', async () => {
    const [alice, bob] = [await world.user(), await world.user()];
    const all = [alice, await again(alice), await apiToken(alice)];
    expect((await endAll(superadmin, alice)).data.revokeTokens).toEqual({ ended: 3 });
    expect(await Promise.all([...all, bob].map(isAlive))).toEqual([false, false, false, true]);
    expect((await endAll(superadmin, alice)).data.revokeTokens).toEqual({ ended: 0 });
  });

  it('ends only one kind where that is asked for', async () => {
    const alice = await world.user();
    const token = await apiToken(alice);
    expect((await endAll(superadmin, alice, 'API')).data.revokeTokens).toEqual({ ended: 1 });
    expect([await isAlive(alice), await isAlive(token)]).toEqual([true, false]);
  });

  it('is one commit: no reader sees half of it', async () => {
    const alice = await world.user();
    for (let device = 0; device < 8; device += 1) await again(alice);
    await endAll(superadmin, alice);
    const records = await world.db.prisma.tokenRevocation.findMany({ where: { userId: alice.uuid } });
    expect([records.length, new Set(records.map(({ commitId }) => commitId)).size]).toEqual([9, 1]);
  });

  it('ends for a domain administrator those sessions that were entered through own domains', async () => {
    const [chief, member] = [await world.user('ADMIN', 'north'), await world.user('USER', 'north')];
    await world.grant(member.uuid, 'USER', 'south');
    const [north, south, token] = [await again(member, 'north'), await again(member, 'south'), await apiToken(member)];
    expect((await endAll(chief, member)).data.revokeTokens).toEqual({ ended: 1 });
    expect(await Promise.all([north, south, member, token].map(isAlive))).toEqual([false, true, true, true]);
  });

  it('is recorded, once for each token: who did it, and to whom', async () => {
    const alice = await world.user();
    await again(alice);
    await endAll(superadmin, alice);
    const rows = await world.db.prisma.auditEvent.findMany({ where: { userId: alice.uuid, action: 'session_revoked' } });
    expect(rows).toHaveLength(2);
    for (const row of rows) expect(row).toMatchObject({ actorId: superadmin.uuid, reason: 'ADMIN_REVOKED', targetType: 'Token' });
  });

  it('is for oneself and for who outranks; whom one may not know does not exist', async () => {
    const [admin, other, alice] = [await world.user('ADMIN'), await world.user('ADMIN'), await world.user()];
    expect((await endAll(admin, other)).code).toBe('FORBIDDEN');
    expect((await endAll(alice, other)).code).toBe('NOT_FOUND');
    expect((await endAll(admin, alice)).data.revokeTokens).toEqual({ ended: 1 });
    expect((await endAll(other, other)).data.revokeTokens).toEqual({ ended: 1 });
    expect((await other.ask('{ me { id } }')).code).toBe('TOKEN_REVOKED');
  });
});
