import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;

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

const logIn = ({ email, password }: TestUser, domain?: string) => server.query(loginThrough, { input: { email, password, domain } });

describe('login through a domain', () => {
  it('accepts users with a role in the domain, ADMIN in a parent domain, or a global rank', async () => {
    await server.domain('north');
    await server.domain('north-east', 'north');
    const members = [
      await server.user('USER', 'north-east'),
      await server.user('ADMIN', 'north'),
      await server.user('ADMIN'),
      await server.user('SUPERADMIN'),
    ];
    for (const member of members) {
      const { data } = await logIn(member, 'north-east');
      expect(data.login.token.domain?.name).toBe('north-east');
    }
  });

  it('rejects users without a role in the domain exactly as it rejects an unknown domain', async () => {
    await server.domain('south');
    await server.domain('south-west', 'south');
    await prisma.role.create({ data: { name: 'READER', permissions: ['users:read'] } });
    const [above, below, formerly] = [
      await server.user('USER', 'south'),
      await server.user('ADMIN', 'south-west'),
      await server.user('USER', 'south'),
    ];
    const everywhere = [await server.user('USER'), await server.user('READER')];
    await prisma.roleGrant.updateMany({ where: { userId: formerly.uuid }, data: { expiresAt: new Date(Date.now() - 1_000) } });
    const answers = [
      await logIn(above, 'south-west'),
      await logIn(below, 'south'),
      await logIn(formerly, 'south'),
      await logIn(above, 'no-such-domain'),
      ...(await Promise.all(everywhere.map((person) => logIn(person, 'south')))),
    ];
    expect(answers.map((answer) => answer.code)).toEqual(Array(6).fill('DOMAIN_ACCESS_DENIED'));
    expect(new Set(answers.map((answer) => JSON.stringify(answer.errors))).size).toBe(1);
  });

  it('rejects a domain that is inactive or has an inactive ancestor', async () => {
    await server.domain('west');
    await server.domain('west-end', 'west');
    const [member, administrator] = [await server.user('USER', 'west-end'), await server.user('ADMIN')];
    await prisma.domain.update({ where: { name: 'west' }, data: { active: false } });
    for (const person of [member, administrator]) expect((await logIn(person, 'west-end')).code).toBe('DOMAIN_ACCESS_DENIED');
  });

  it('works without a domain for a user who has no role at all', async () => {
    const alice = await server.user();
    await prisma.roleGrant.deleteMany({ where: { userId: alice.uuid } });
    const { data } = await logIn(alice);
    expect(data.login.token.domain).toBeNull();
  });
});
