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
  it('is null for nobody, without an error', async () => {
    expect(await anonymous(server).query(query)).toMatchObject({ status: 200, data: { me: null }, code: undefined });
  });

  it('is the viewer, with the roles held everywhere and in domains', async () => {
    const alice = await server.user();
    await server.grant(alice.uuid, 'ADMIN', 'north');
    const { data } = await alice.query(query);
    expect(data.me).toMatchObject({ id: alice.id, email: alice.email, enabled: true });
    expect(data.me?.roles).toEqual([
      { role: { name: 'USER', permissions: [] }, domain: null, expiresAt: null },
      { role: { name: 'ADMIN', permissions: [] }, domain: { name: 'north' }, expiresAt: null },
    ]);
  });

  it('has a new role at the next request, and none whose time is over', async () => {
    const alice = await server.user();
    const { id } = await server.grant(alice.uuid, 'USER', 'north');
    expect((await alice.query(query)).data.me?.roles).toHaveLength(2);
    await server.db.prisma.roleGrant.update({ where: { id }, data: { expiresAt: new Date(Date.now() - 1) } });
    expect((await alice.query(query)).data.me?.roles).toHaveLength(1);
  });

  it('leaves out a role in a domain that is not active, which would read as one that holds everywhere', async () => {
    const shut = await server.domain('shut');
    const alice = await server.user('USER', 'shut');
    await server.db.prisma.domain.update({ where: { id: shut.id }, data: { active: false } });
    expect((await alice.query(query)).data.me?.roles).toEqual([]);
  });

  it('is the user of others as little as of nobody: two who ask at once get themselves', async () => {
    const [alice, bob] = [await server.user(), await server.user()];
    const asked = Array.from({ length: 20 }, (_, index) => (index % 2 ? alice : bob));
    const answers = await Promise.all(asked.map((person) => person.query(query)));
    expect(answers.map(({ data }) => data.me?.id)).toEqual(asked.map(({ id }) => id));
  });
});
