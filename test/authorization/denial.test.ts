import { describe, expect, it } from 'vitest';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer();
const [admin, superadmin] = [await server.user('ADMIN'), await server.user('SUPERADMIN')];

const logged = () => server.log.map((line) => JSON.parse(line)).filter(({ event }) => event === 'authz_fail');

describe('a denial', () => {
  it('returns the coordinate, the rule and a decision id under which the log has the caller', async () => {
    const { errors } = await admin.query('query ($id: ID!) { user(id: $id) { loginCount } }', { id: superadmin.id });
    const { decisionId, ...details }: Record<string, unknown> = errors?.[0]?.extensions ?? {};
    expect(details).toEqual({ code: 'FORBIDDEN', coordinate: 'User.loginCount', rule: expect.stringContaining('outranks') });
    const found = logged().filter((line) => line.decisionId === decisionId);
    expect(found).toMatchObject([{ ...details, userId: admin.uuid, requestId: expect.any(String), network: admin.address }]);
  });

  it('logs a denial once for each operation and coordinate, however many rows are denied', async () => {
    for (let count = 0; count < 3; count += 1) await server.user('SUPERADMIN');
    const before = logged().length;
    const { errors } = await admin.query('{ users(filter: { role: "SUPERADMIN" }) { edges { node { loginCount lastLoginAt } } } }');
    expect(errors).toHaveLength(8);
    expect(new Set(errors?.map(({ extensions }) => extensions.decisionId)).size).toBe(2);
    expect(logged()).toHaveLength(before + 2);
  });

  it('logs the denial of a mutation too', async () => {
    const { errors } = await admin.query('mutation ($id: ID!) { disableUser(input: { id: $id }) { changed } }', { id: superadmin.id });
    expect(logged().at(-1)).toMatchObject({ decisionId: errors?.[0]?.extensions.decisionId, coordinate: 'Mutation.disableUser' });
  });

  it('logs a denial that requires reauthentication, under its decision id', async () => {
    await server.db.prisma.token.updateMany({ where: { userId: admin.uuid }, data: { authenticatedAt: new Date(Date.now() - 3_600_000) } });
    const input = { description: 'd', scopes: ['users:read'] };
    const { errors } = await admin.query('mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret } }', { input });
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'REAUTHENTICATION_REQUIRED', rule: 'session & fresh & confirmed' });
    expect(logged().at(-1)).toMatchObject({ decisionId: errors?.[0]?.extensions.decisionId });
  });
});
