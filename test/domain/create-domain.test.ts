import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { runConcurrently } from '../role/run-concurrently.ts';
import { anonymous, startTestServer } from '../test-server.ts';

const server = await startTestServer();
await server.domain('north');
const superadmin = await server.user('SUPERADMIN');
const other = await server.user('SUPERADMIN');

const mutation = graphql(`
  mutation CreateDomain($input: CreateDomainInput!) {
    createDomain(input: $input) {
      domain {
        name
        displayName
        active
        parent {
          name
        }
      }
    }
  }
`);

describe('createDomain', () => {
  it('creates an active domain, optionally below a parent', async () => {
    const input = { name: 'west-1', displayName: 'The West' };
    expect((await superadmin.query(mutation, { input })).data.createDomain.domain).toEqual({ ...input, active: true, parent: null });
    const child = { name: 'x1', displayName: 'Below', parent: 'north' };
    expect((await superadmin.query(mutation, { input: child })).data.createDomain.domain?.parent).toEqual({ name: 'north' });
  });

  it('requires a superadmin', async () => {
    const input = { name: 'mine', displayName: 'Mine', parent: 'north' };
    for (const person of [await server.user('ADMIN'), await server.user('ADMIN', 'north'), await server.user()])
      expect((await person.query(mutation, { input })).code).toBe('FORBIDDEN');
    expect((await anonymous(server).query(mutation, { input })).code).toBe('UNAUTHENTICATED');
    expect(await server.db.prisma.domain.findUnique({ where: { name: 'mine' } })).toBeNull();
  });

  it('creates one domain when two requests use the same name concurrently', async () => {
    const input = { name: 'once', displayName: 'Once' };
    const [first, second] = await runConcurrently(
      server,
      () => superadmin.query(mutation, { input }),
      () => other.query(mutation, { input }),
    );
    expect([first?.code, second?.code, second?.errors?.[0]?.extensions.fields]).toEqual([
      undefined,
      'TAKEN',
      { name: ['must not be in use already'] },
    ]);
  });

  it.each([
    ['name', { name: 'a' }],
    ['name', { name: 'North' }],
    ['name', { name: '-north' }],
    ['name', { name: 'north-' }],
    ['name', { name: 'no_rth' }],
    ['name', { name: 'nörth' }],
    ['name', { name: 'x'.repeat(64) }],
    ['name', { name: 'admin' }],
    ['displayName', { displayName: '' }],
    ['displayName', { displayName: ' ' }],
    ['displayName', { displayName: 'x'.repeat(121) }],
    ['displayName', { displayName: 'a\nb' }],
    ['parent', { parent: 'none' }],
    ['parent', { parent: 'x'.repeat(64) }],
  ])('rejects an invalid %s: %o', async (field, rest) => {
    const { code, errors } = await superadmin.query(mutation, { input: { name: 'fine', displayName: 'Fine', ...rest } });
    expect([code, Object.keys(errors?.[0]?.extensions.fields ?? {})]).toEqual(['INVALID_INPUT', [field]]);
    expect(await server.db.prisma.domain.findUnique({ where: { name: 'fine' } })).toBeNull();
  });
});
