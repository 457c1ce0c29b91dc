import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { anonymous, startTestServer, type TestUser } from '../test-server.ts';
import { rolesHeldIn } from './roles-held.ts';

const server = await startTestServer();
await server.domain('north');
await server.domain('north-east', 'north');
await server.domain('south');
const closed = await server.domain('closed');
await server.db.prisma.domain.update({ where: { id: closed.id }, data: { active: false } });
await server.db.prisma.role.create({ data: { name: 'CLERK' } });
const superadmin = await server.user('SUPERADMIN');

const mutation = graphql(`
  mutation GrantRole($input: GrantRoleInput!) {
    grantRole(input: $input) {
      changed
      grant {
        user {
          id
        }
        role {
          name
        }
        domain {
          name
        }
        grantedBy {
          id
        }
        expiresAt
      }
    }
  }
`);
const grant = (by: Pick<TestUser, 'query'>, to: Pick<TestUser, 'id'>, role: string, domain?: string, expiresAt?: string) =>
  by.query(mutation, { input: { userId: to.id, role, ...(domain && { domain }), ...(expiresAt && { expiresAt }) } });
const rolesOf = rolesHeldIn(server);

describe('grantRole', () => {
  it('grants a role by name in a domain or on the platform', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    const { data } = await grant(admin, alice, 'CLERK', 'north');
    expect(data.grantRole).toEqual({
      changed: true,
      grant: { user: { id: alice.id }, role: { name: 'CLERK' }, domain: { name: 'north' }, grantedBy: { id: admin.id }, expiresAt: null },
    });
    expect((await grant(admin, alice, 'CLERK')).data.grantRole.grant?.domain).toBeNull();
    expect(await rolesOf(alice)).toEqual(['USER', 'CLERK in north', 'CLERK']);
  });

  it('takes effect on the next request of the user', async () => {
    const alice = await server.user();
    const document = 'query ($id: ID!) { user(id: $id) { email } }';
    expect((await alice.query(document, { id: superadmin.id })).code).toBe('NOT_FOUND');
    await grant(superadmin, alice, 'ADMIN');
    expect((await alice.query(document, { id: superadmin.id })).data.user.email).toBe(superadmin.email);
  });

  it.each([undefined, 'north'])('returns changed: false the second time, in %s', async (domain) => {
    const alice = await server.user();
    await grant(superadmin, alice, 'CLERK', domain);
    expect((await grant(superadmin, alice, 'CLERK', domain)).data.grantRole.changed).toBe(false);
    expect(await rolesOf(alice)).toHaveLength(2);
  });

  it.each([undefined, 'north'])('creates one grant when it is called 20 times concurrently, in %s', async (domain) => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => grant(index % 2 ? admin : superadmin, alice, 'CLERK', domain)),
    );
    expect(answers.map(({ code }) => code)).toEqual(Array(20).fill(undefined));
    expect(answers.filter(({ data }) => data.grantRole.changed)).toHaveLength(1);
    expect(await rolesOf(alice)).toHaveLength(2);
  });

  it('creates one grant when a superadmin grants to themselves 5 times concurrently', async () => {
    const own = await server.user('SUPERADMIN');
    const answers = await Promise.all(Array.from({ length: 5 }, () => grant(own, own, 'CLERK')));
    expect(answers.map(({ code, data }) => code ?? data.grantRole.changed).sort()).toEqual([false, false, false, false, true]);
  });

  it('changes the expiry, and renews an expired grant', async () => {
    const alice = await server.user();
    const end = new Date(Date.now() + 3_600_000).toISOString();
    expect((await grant(superadmin, alice, 'CLERK', 'north', end)).data.grantRole).toMatchObject({
      changed: true,
      grant: { expiresAt: end },
    });
    expect((await grant(superadmin, alice, 'CLERK', 'north', end)).data.grantRole.changed).toBe(false);
    expect((await grant(superadmin, alice, 'CLERK', 'north')).data.grantRole).toMatchObject({ changed: true, grant: { expiresAt: null } });
    await server.db.prisma.roleGrant.updateMany({ where: { userId: alice.uuid }, data: { expiresAt: new Date(0) } });
    expect((await grant(superadmin, alice, 'CLERK', 'north')).data.grantRole.changed).toBe(true);
    expect(await rolesOf(alice)).toEqual(['USER', 'CLERK in north']);
  });

  it('cannot set an expiry for the last superadmin', async () => {
    const lonely = await startTestServer();
    const only = await lonely.user('SUPERADMIN');
    const end = new Date(Date.now() + 3_600_000).toISOString();
    expect((await grant(only, only, 'SUPERADMIN', undefined, end)).code).toBe('LAST_SUPERADMIN');
    expect(await lonely.db.prisma.roleGrant.findFirst({ where: { userId: only.uuid, role: { name: 'SUPERADMIN' } } })).toMatchObject({
      expiresAt: null,
    });
  });

  it.each([
    ['role', { role: 'NONE' }],
    ['role', { role: 'clerk' }],
    ['role', { role: '' }],
    ['role', { role: 'x'.repeat(64) }],
    ['domain', { role: 'CLERK', domain: 'none' }],
    ['domain', { role: 'CLERK', domain: 'closed' }],
    ['domain', { role: 'SUPERADMIN', domain: 'north' }],
    ['expiresAt', { role: 'CLERK', expiresAt: '2020-01-01T00:00:00Z' }],
    ['expiresAt', { role: 'CLERK', expiresAt: '2100-01-01T00:00:00Z' }],
  ])('rejects an invalid %s: %o', async (field, input) => {
    const alice = await server.user();
    const { code, errors } = await superadmin.query(mutation, { input: { userId: alice.id, ...input } });
    expect(code).toBe('INVALID_INPUT');
    expect(Object.keys(errors?.[0]?.extensions.fields ?? {})).toEqual([field]);
    expect(await rolesOf(alice)).toEqual(['USER']);
  });

  it.each([
    ['2020-01-01T00:00:00Z', 'must be in the future'],
    ['2100-01-01T00:00:00Z', 'must be between 1970 and 2099'],
  ])('rejects the expiry %s: %s', async (expiresAt, fault) => {
    const { errors } = await superadmin.query(mutation, { input: { userId: superadmin.id, role: 'CLERK', expiresAt } });
    expect(errors?.[0]?.extensions.fields).toEqual({ expiresAt: [fault] });
  });

  it('returns the same error for an unknown user as for one that the viewer cannot see', async () => {
    const [domainAdmin, stranger] = [await server.user('ADMIN', 'north'), await server.user()];
    const other = await grant(domainAdmin, stranger, 'USER', 'north');
    expect(other.code).toBe('NOT_FOUND');
    expect({ ...(await grant(domainAdmin, { id: encodeGlobalID('User', randomUUID()) }, 'USER', 'north')), headers: null }).toEqual({
      ...other,
      headers: null,
    });
    expect(await rolesOf(stranger)).toEqual(['USER']);
  });

  it('returns NOT_FOUND for an unknown user to superadmins and administrators', async () => {
    const id = encodeGlobalID('User', randomUUID());
    for (const person of [superadmin, await server.user('ADMIN')]) expect((await grant(person, { id }, 'CLERK')).code).toBe('NOT_FOUND');
  });

  it('rejects anonymous callers, and ordinary users with the same error for any user', async () => {
    const [alice, bob] = [await server.user(), await server.user()];
    expect((await grant(anonymous(server), alice, 'CLERK')).code).toBe('UNAUTHENTICATED');
    for (const { id } of [alice, bob, { id: encodeGlobalID('User', randomUUID()) }])
      expect((await grant(alice, { id }, 'CLERK')).code).toBe('FORBIDDEN');
    expect([await rolesOf(alice), await rolesOf(bob)]).toEqual([['USER'], ['USER']]);
  });
});
