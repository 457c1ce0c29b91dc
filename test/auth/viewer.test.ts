import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { anonymous, startTestServer } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;

const viewer = graphql(`
  query Viewer {
    viewer {
      user {
        id
      }
      token {
        id
        kind
        current
      }
      state
      authenticatedAt
      fresh
      rights
    }
  }
`);

const createApiToken = 'mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret token { id } } }';

describe('viewer', () => {
  it('is a guest without a token', async () => {
    const { data, errors } = await anonymous(server).query(viewer);
    expect(errors).toBeUndefined();
    expect(data.viewer).toEqual({ user: null, token: null, state: 'GUEST', authenticatedAt: null, fresh: false, rights: [] });
  });

  it('returns the user and the session, fresh after a login', async () => {
    const alice = await server.user();
    const { data } = await alice.query(viewer);
    expect(data.viewer).toMatchObject({
      user: { id: alice.id },
      token: { id: alice.tokenId, kind: 'SESSION', current: true },
      fresh: true,
    });
    expect(Math.abs(Date.now() - Date.parse(data.viewer.authenticatedAt ?? ''))).toBeLessThan(60_000);
  });

  it('is unconfirmed until the address is confirmed', async () => {
    const alice = await server.user();
    const state = async () => (await alice.query(viewer)).data.viewer.state;
    expect(await state()).toBe('CONFIRMED');
    await prisma.user.update({ where: { id: alice.uuid }, data: { emailConfirmedAt: null } });
    expect(await state()).toBe('UNCONFIRMED');
  });

  it('is not fresh after 10 minutes', async () => {
    const alice = await server.user();
    const at = (minutes: number) =>
      prisma.token.updateMany({ where: { userId: alice.uuid }, data: { authenticatedAt: new Date(Date.now() - minutes * 60_000) } });
    await at(9);
    expect((await alice.query(viewer)).data.viewer.fresh).toBe(true);
    await at(10.1);
    expect((await alice.query(viewer)).data.viewer.fresh).toBe(false);
  });

  it('returns the permissions of active platform roles only', async () => {
    const alice = await server.user();
    const permissions = ['domains:read', 'users:read'];
    const { id } = await prisma.role.create({ data: { name: 'READER', permissions } });
    const grant = await server.grant(alice.uuid, 'READER');
    expect((await alice.query(viewer)).data.viewer.rights).toEqual(expect.arrayContaining(permissions));
    await prisma.roleGrant.update({ where: { id: grant.id }, data: { expiresAt: new Date(Date.now() - 1_000) } });
    expect((await alice.query(viewer)).data.viewer.rights).toEqual([]);
    await server.domain('local');
    await prisma.roleGrant.deleteMany({ where: { roleId: id } });
    await server.grant(alice.uuid, 'READER', 'local');
    expect((await alice.query(viewer)).data.viewer.rights).toEqual([]);
  });

  it('returns, with an API token, only rights that are both in its scopes and held by its owner, and is never fresh', async () => {
    const alice = await server.user();
    await prisma.role.create({ data: { name: 'KEEPER', permissions: ['users:read', 'domains:write'] } });
    await server.grant(alice.uuid, 'KEEPER');
    const input = { description: 'CI', scopes: ['users:read', 'tokens:read', 'roles:read'] };
    const { secret, token } = (await alice.query(createApiToken, { input })).data.createApiToken;
    const { data } = await server.query(viewer, {}, { token: secret });
    expect(data.viewer).toMatchObject({ user: { id: alice.id }, token: { id: token.id, kind: 'API', current: true }, fresh: false });
    expect(data.viewer.rights).toEqual(['users:read']);
  });

  it('hides user and token from an API token without the scope to read them', async () => {
    const alice = await server.user();
    const { secret } = (await alice.query(createApiToken, { input: { description: 'CI', scopes: ['domains:read'] } })).data.createApiToken;
    const { data, errors } = await server.query(viewer, {}, { token: secret });
    expect(data.viewer).toMatchObject({ user: null, token: null });
    expect(errors?.map((error) => [error.path?.join('.'), error.extensions.code])).toEqual([
      ['viewer.user', 'FORBIDDEN'],
      ['viewer.token', 'FORBIDDEN'],
    ]);
  });
});
