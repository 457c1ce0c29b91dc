import { describe, expect, it } from 'vitest';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer();
await server.db.prisma.role.create({ data: { name: 'ANALYST', description: 'Reads statistics.', permissions: ['statistics:read'] } });
const [admin, analyst, other] = [await server.user('ADMIN'), await server.user('ANALYST'), await server.user()];

describe('userCount', () => {
  it('is returned to administrators and to users with a role that permits it', async () => {
    expect((await admin.query('{ userCount }')).data).toEqual({ userCount: 3 });
    expect((await analyst.query('{ userCount }')).data).toEqual({ userCount: 3 });
    expect((await other.query('{ userCount }')).code).toBe('FORBIDDEN');
  });

  it('is returned to an API token only if the token has the scope', async () => {
    const create = 'mutation ($scopes: [String!]!) { createApiToken(input: { description: "report", scopes: $scopes }) { secret } }';
    const codes = ['statistics:read', 'users:read'].map(async (scope) => {
      const { data } = await analyst.query(create, { scopes: [scope] });
      return (await server.query('{ userCount }', {}, { token: data.createApiToken.secret })).code;
    });
    expect(await Promise.all(codes)).toEqual([undefined, 'FORBIDDEN']);
  });
});
