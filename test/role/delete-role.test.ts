import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { anonymous, startTestServer } from '../test-server.ts';
import { runConcurrently } from './run-concurrently.ts';

const server = await startTestServer({ DEFAULT_ROLE: 'GUEST' });
await server.db.prisma.role.create({ data: { name: 'GUEST' } });
const superadmin = await server.user('SUPERADMIN');
const other = await server.user('SUPERADMIN');

const mutation = graphql(`
  mutation DeleteRole($input: DeleteRoleInput!) {
    deleteRole(input: $input) {
      deletedId
    }
  }
`);
const grant = 'mutation ($id: ID!, $role: String!) { grantRole(input: { userId: $id, role: $role }) { changed } }';
const idOf = async (name: string) => encodeGlobalID('Role', (await server.db.prisma.role.findUniqueOrThrow({ where: { name } })).id);
const make = async (name: string) => encodeGlobalID('Role', (await server.db.prisma.role.create({ data: { name } })).id);

describe('deleteRole', () => {
  it('deletes a role that is not granted to anyone', async () => {
    const id = await make('EMPTY');
    expect((await superadmin.query(mutation, { input: { id } })).data.deleteRole.deletedId).toBe(id);
    expect((await superadmin.query(mutation, { input: { id } })).code).toBe('NOT_FOUND');
  });

  it('rejects a role that is granted, until the last grant expires', async () => {
    const id = await make('HELD');
    const alice = await server.user('HELD');
    const { code, errors } = await superadmin.query(mutation, { input: { id } });
    expect([code, errors?.[0]?.extensions.fields]).toEqual(['INVALID_INPUT', { id: ['must not be granted to a user; revoke it first'] }]);
    await server.db.prisma.roleGrant.updateMany({ where: { userId: alice.uuid }, data: { expiresAt: new Date(0) } });
    expect((await superadmin.query(mutation, { input: { id } })).code).toBeUndefined();
  });

  it.each(['SUPERADMIN', 'ADMIN', 'USER', 'GUEST'])('rejects the built-in or default role %s', async (name) => {
    const { code, errors } = await superadmin.query(mutation, { input: { id: await idOf(name) } });
    expect([code, Object.keys(errors?.[0]?.extensions.fields ?? {})]).toEqual(['INVALID_INPUT', ['id']]);
  });

  it('leaves no grant when the role is granted and deleted concurrently', async () => {
    const [id, alice] = [await make('RACE_1'), await server.user()];
    const remove = () => superadmin.query(mutation, { input: { id } });
    const [deleted, granted] = await runConcurrently(server, remove, () => other.query(grant, { id: alice.id, role: 'RACE_1' }));
    expect([deleted?.code, granted?.code, granted?.errors?.[0]?.extensions.fields]).toEqual([
      undefined,
      'INVALID_INPUT',
      { role: ['must be an existing role'] },
    ]);
  });

  it('keeps a role that is granted concurrently before the deletion', async () => {
    const [id, alice] = [await make('RACE_2'), await server.user()];
    const remove = () => superadmin.query(mutation, { input: { id } });
    const [granted, deleted] = await runConcurrently(server, () => other.query(grant, { id: alice.id, role: 'RACE_2' }), remove);
    expect([granted?.code, deleted?.code]).toEqual([undefined, 'INVALID_INPUT']);
  });

  it('requires a superadmin and returns NOT_FOUND for an unknown role', async () => {
    const id = await make('KEPT');
    for (const person of [await server.user('ADMIN'), await server.user()])
      expect((await person.query(mutation, { input: { id } })).code).toBe('FORBIDDEN');
    expect((await anonymous(server).query(mutation, { input: { id } })).code).toBe('UNAUTHENTICATED');
    expect((await superadmin.query(mutation, { input: { id: encodeGlobalID('Role', randomUUID()) } })).code).toBe('NOT_FOUND');
    expect(await idOf('KEPT')).toBe(id);
  });
});
