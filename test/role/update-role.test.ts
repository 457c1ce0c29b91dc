import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { anonymous, startTestServer } from '../test-server.ts';

const server = await startTestServer();
const superadmin = await server.user('SUPERADMIN');

const mutation = graphql(`
  mutation UpdateRole($input: UpdateRoleInput!) {
    updateRole(input: $input) {
      role {
        name
        description
        permissions
      }
    }
  }
`);
let made = 0;
const role = async (data = {}) => {
  made += 1;
  const row = await server.db.prisma.role.create({
    data: { name: `ROLE_${made}`, description: 'Files.', permissions: ['users:read'], ...data },
  });
  return { ...row, globalId: encodeGlobalID('Role', row.id) };
};

describe('updateRole', () => {
  it('changes the given fields and keeps the others', async () => {
    const { name, globalId: id } = await role();
    const answer = async (input: object) => (await superadmin.query(mutation, { input: { id, ...input } })).data.updateRole.role;
    expect(await answer({ permissions: ['roles:read'] })).toEqual({ name, description: 'Files.', permissions: ['roles:read'] });
    expect(await answer({ description: 'Counts.' })).toEqual({ name, description: 'Counts.', permissions: ['roles:read'] });
    expect(await answer({ description: null, permissions: [] })).toEqual({ name, description: null, permissions: [] });
    expect(await answer({})).toEqual({ name, description: null, permissions: [] });
  });

  it("takes effect on the next request of the role's holders", async () => {
    const { name, globalId: id } = await role();
    const alice = await server.user(name);
    expect((await alice.query('{ viewer { rights } }')).data.viewer.rights).toEqual(['users:read']);
    await superadmin.query(mutation, { input: { id, permissions: [] } });
    expect((await alice.query('{ viewer { rights } }')).data.viewer.rights).toEqual([]);
  });

  it.each(['SUPERADMIN', 'ADMIN', 'USER'])('rejects changes of the built-in role %s', async (name) => {
    const { id } = await server.db.prisma.role.findUniqueOrThrow({ where: { name } });
    const { code, errors } = await superadmin.query(mutation, { input: { id: encodeGlobalID('Role', id), permissions: ['users:read'] } });
    expect([code, Object.keys(errors?.[0]?.extensions.fields ?? {})]).toEqual(['INVALID_INPUT', ['id']]);
  });

  it.each([
    ['permissions', { permissions: null }],
    ['permissions', { permissions: ['everything'] }],
    ['description', { description: 'x'.repeat(2_001) }],
  ])('rejects an invalid %s: %o', async (field, input) => {
    const { id, globalId } = await role();
    const { code, errors } = await superadmin.query(mutation, { input: { id: globalId, ...input } });
    expect([code, Object.keys(errors?.[0]?.extensions.fields ?? {})]).toEqual(['INVALID_INPUT', [field]]);
    expect(await server.db.prisma.role.findUnique({ where: { id } })).toMatchObject({ description: 'Files.', permissions: ['users:read'] });
  });

  it('requires a superadmin and returns NOT_FOUND for an unknown role', async () => {
    const { name, globalId: id } = await role();
    for (const person of [await server.user('ADMIN'), await server.user(name)])
      expect((await person.query(mutation, { input: { id, permissions: [] } })).code).toBe('FORBIDDEN');
    expect((await anonymous(server).query(mutation, { input: { id, permissions: [] } })).code).toBe('UNAUTHENTICATED');
    expect((await superadmin.query(mutation, { input: { id: encodeGlobalID('Role', randomUUID()) } })).code).toBe('NOT_FOUND');
    expect((await superadmin.query(mutation, { input: { id: superadmin.id } })).code).toBe('INVALID_INPUT');
  });
});
