import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { open, type Person } from '../test-server.ts';

const world = await open();
const { prisma } = world.db;

const loginThrough = graphql(`
  mutation LoginThrough($input: LoginInput!) {
    login(input: $input) {
      ... on Session {
        token {
          domain {
            name
          }
        }
      }
    }
  }
`);

const logIn = ({ email, password }: Person, domain?: string) => world.send(loginThrough, { input: { email, password, domain } });

describe('login through a domain', () => {
  it('accepts users with a role in the domain, a platform role, or ADMIN in a parent domain', async () => {
    await world.domain('north');
    await world.domain('north-east', 'north');
    const members = [await world.user('USER', 'north-east'), await world.user('ADMIN', 'north'), await withRole('USER')];
    for (const member of members) {
      const { data } = await logIn(member, 'north-east');
      expect(data.login.token.domain?.name).toBe('north-east');
    }
  });

  it('rejects users without a role in the domain exactly as it rejects an unknown domain', async () => {
    await world.domain('south');
    await world.domain('south-west', 'south');
    const [above, below, formerly] = [
      await world.user('USER', 'south'),
      await world.user('ADMIN', 'south-west'),
      await world.user('USER', 'south'),
    ];
    await prisma.roleGrant.updateMany({ where: { userId: formerly.uuid }, data: { expiresAt: new Date(Date.now() - 1_000) } });
    const answers = [
      await logIn(above, 'south-west'),
      await logIn(below, 'south'),
      await logIn(formerly, 'south'),
      await logIn(above, 'no-such-domain'),
    ];
    expect(answers.map((answer) => answer.code)).toEqual(Array(4).fill('DOMAIN_ACCESS_DENIED'));
    expect(new Set(answers.map((answer) => JSON.stringify(answer.errors))).size).toBe(1);
  });

  it('rejects a domain that is inactive or has an inactive ancestor', async () => {
    await world.domain('west');
    await world.domain('west-end', 'west');
    const [member, administrator] = [await world.user('USER', 'west-end'), await world.user('ADMIN')];
    await prisma.domain.update({ where: { name: 'west' }, data: { active: false } });
    for (const person of [member, administrator]) expect((await logIn(person, 'west-end')).code).toBe('DOMAIN_ACCESS_DENIED');
  });

  it('works without a domain for a user who has no role at all', async () => {
    const alice = await world.user();
    await prisma.roleGrant.deleteMany({ where: { userId: alice.uuid } });
    const { data } = await logIn(alice);
    expect(data.login.token.domain).toBeNull();
  });

  async function withRole(role: string) {
    const person = await world.user();
    if ((await prisma.roleGrant.count({ where: { userId: person.uuid } })) === 0) await world.grant(person.uuid, role);
    return person;
  }
});
