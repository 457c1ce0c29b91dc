import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { anonymous, startTestServer } from '../test-server.ts';
import { runConcurrently } from './run-concurrently.ts';

const server = await startTestServer();
await server.domain('north');
const superadmin = await server.user('SUPERADMIN');
const other = await server.user('SUPERADMIN');

const mutation = graphql(`
  mutation CreateRole($input: CreateRoleInput!) {
    createRole(input: $input) {
      role {
        id
        name
        description
        permissions
        builtIn
      }
    }
  }
`);

describe('createRole', () => {
  it('creates a role with the given permissions, and with none by default', async () => {
    const input = { name: 'CLERK_2', description: 'Files\nand more.', permissions: ['users:read', 'roles:read'] };
    expect((await superadmin.query(mutation, { input })).data.createRole.role).toMatchObject({ ...input, builtIn: false });
    expect((await superadmin.query(mutation, { input: { name: 'BARE' } })).data.createRole.role).toMatchObject({
      description: null,
      permissions: [],
    });
  });

  it('requires a superadmin', async () => {
    for (const person of [await server.user('ADMIN'), await server.user('ADMIN', 'north'), await server.user()])
      expect((await person.query(mutation, { input: { name: 'MINE' } })).code).toBe('FORBIDDEN');
    expect((await anonymous(server).query(mutation, { input: { name: 'MINE' } })).code).toBe('UNAUTHENTICATED');
    expect(await server.db.prisma.role.findUnique({ where: { name: 'MINE' } })).toBeNull();
  });

  it('creates one role when two requests use the same name concurrently', async () => {
    const [first, second] = await runConcurrently(
      server,
      () => superadmin.query(mutation, { input: { name: 'ONCE' } }),
      () => other.query(mutation, { input: { name: 'ONCE' } }),
    );
    expect([first?.code, second?.code, second?.errors?.[0]?.extensions.fields]).toEqual([
      undefined,
      'TAKEN',
      { name: ['must not be in use already'] },
    ]);
    expect((await superadmin.query(mutation, { input: { name: 'ADMIN' } })).code).toBe('TAKEN');
  });

  it.each([
    ['name', { name: 'clerk' }],
    ['name', { name: 'A' }],
    ['name', { name: '1ST' }],
    ['name', { name: 'ADMIN ' }],
    ['name', { name: 'А\u0414МIN' }],
    ['name', { name: 'X'.repeat(64) }],
    ['description', { name: 'FINE', description: 'x'.repeat(2_001) }],
    ['description', { name: 'FINE', description: 'a\u202eb' }],
    ['permissions', { name: 'FINE', permissions: ['everything'] }],
    ['permissions', { name: 'FINE', permissions: ['users:read', 'users:read'] }],
    ['permissions', { name: 'FINE', permissions: ['constructor'] }],
    ['permissions', { name: 'FINE', permissions: Array(101).fill('users:read') }],
  ])('rejects an invalid %s: %o', async (field, input) => {
    const { code, errors } = await superadmin.query(mutation, { input });
    expect([code, Object.keys(errors?.[0]?.extensions.fields ?? {})]).toEqual(['INVALID_INPUT', [field]]);
    expect(await server.db.prisma.role.findUnique({ where: { name: 'FINE' } })).toBeNull();
  });
});
