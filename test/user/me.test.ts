import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { anonymous, startTestServer } from '../test-server.ts';

const server = await startTestServer();
await server.domain('north');

const query = graphql(`
  query Me {
    me {
      id
      email
      displayName
      enabled
      roles {
        role {
          name
          permissions
        }
        domain {
          name
        }
        expiresAt
      }
    }
  }
`);

describe('me', () => {
  it('is null without an error for an anonymous caller', async () => {
    expect(await anonymous(server).query(query)).toMatchObject({ status: 200, data: { me: null }, code: undefined });
  });

  it('returns the viewer with their platform roles and domain roles', async () => {
    const alice = await server.user();
    await server.grant(alice.uuid, 'ADMIN', 'north');
    const { data } = await alice.query(query);
    expect(data.me).toMatchObject({ id: alice.id, email: alice.email, enabled: true });
    expect(data.me?.roles).toEqual([
      { role: { name: 'USER', permissions: [] }, domain: null, expiresAt: null },
      { role: { name: 'ADMIN', permissions: [] }, domain: { name: 'north' }, expiresAt: null },
    ]);
  });

  it('includes a new role on the next request and leaves out an expired one', async () => {
    const alice = await server.user();
    const { id } = await server.grant(alice.uuid, 'USER', 'north');
    expect((await alice.query(query)).data.me?.roles).toHaveLength(2);
    await server.db.prisma.roleGrant.update({ where: { id }, data: { expiresAt: new Date(Date.now() - 1) } });
    expect((await alice.query(query)).data.me?.roles).toHaveLength(1);
  });

  it('leaves out a role in an inactive domain, which would look like a platform role', async () => {
    const closed = await server.domain('closed');
    const alice = await server.user('USER', 'closed');
    await server.db.prisma.domain.update({ where: { id: closed.id }, data: { active: false } });
    expect((await alice.query(query)).data.me?.roles).toEqual([]);
  });

  it('returns each caller themselves when two users call it concurrently', async () => {
    const [alice, bob] = [await server.user(), await server.user()];
    const callers = Array.from({ length: 20 }, (_, index) => (index % 2 ? alice : bob));
    const answers = await Promise.all(callers.map((person) => person.query(query)));
    expect(answers.map(({ data }) => data.me?.id)).toEqual(callers.map(({ id }) => id));
  });

  it('has as updatedAt the time of the last change of the account, which a login, a logout or the end of its sessions is not', async () => {
    const [alice, superadmin] = [await server.user(), await server.user('SUPERADMIN')];
    const updatedAt = async () => (await server.db.prisma.user.findUniqueOrThrow({ where: { id: alice.uuid } })).updatedAt;
    const created = await updatedAt();
    const session = await server.logIn(alice.email, alice.uuid);
    expect((await session.query('mutation { logoutEverywhere(input: {}) { ended } }')).code).toBeUndefined();
    const reset = 'mutation ($id: ID!) { resetUserAccess(input: { id: $id }) { ended } }';
    expect((await superadmin.query(reset, { id: alice.id })).code).toBeUndefined();
    const again = await server.logIn(alice.email, alice.uuid);
    const { data } = await again.query('{ me { updatedAt } }');
    expect([new Date(data.me.updatedAt), await updatedAt()]).toEqual([created, created]);
    await again.query('mutation { updateProfile(input: { firstName: "Alice" }) { user { id } } }');
    expect((await updatedAt()).getTime()).toBeGreaterThan(created.getTime());
    const changed = await updatedAt();
    await superadmin.query('mutation ($id: ID!) { disableUser(input: { id: $id }) { changed } }', { id: alice.id });
    expect((await updatedAt()).getTime()).toBeGreaterThan(changed.getTime());
  });
});
