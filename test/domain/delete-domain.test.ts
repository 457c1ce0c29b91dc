import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { graphql } from '../generated/gql.ts';
import { runConcurrently } from '../role/run-concurrently.ts';
import { anonymous, startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer({ DEFAULT_DOMAIN: 'lobby' });
const lobby = await server.domain('lobby');
const superadmin = await server.user('SUPERADMIN');
const other = await server.user('SUPERADMIN');

const mutation = graphql(`
  mutation DeleteDomain($input: DeleteDomainInput!) {
    deleteDomain(input: $input) {
      deletedId
    }
  }
`);
const remove = (by: Pick<TestUser, 'query'>, id: string) => by.query(mutation, { input: { id } });

const grant = 'mutation ($id: ID!, $domain: String!) { grantRole(input: { userId: $id, role: "USER", domain: $domain }) { changed } }';
const create =
  'mutation ($parent: String!) { createDomain(input: { name: "below", displayName: "Below", parent: $parent }) { domain { id } } }';

describe('deleteDomain', () => {
  it('deletes the domain with all grants in it and revokes its sessions', async () => {
    const { globalId: id, id: uuid } = await server.domain('gone');
    const alice = await server.user('USER', 'gone');
    const inside = await server.logIn(alice.email, alice.uuid, 'gone');
    expect((await remove(superadmin, id)).data.deleteDomain.deletedId).toBe(id);
    expect((await inside.query('{ me { id } }')).code).toBe('TOKEN_REVOKED');
    expect((await alice.query('{ me { roles { role { name } } } }')).data.me.roles).toEqual([]);
    expect(await server.db.prisma.roleGrant.count({ where: { domainId: uuid } })).toBe(0);
    expect((await remove(superadmin, id)).code).toBe('NOT_FOUND');
  });

  it('revokes every token of the domain first: the database deletes no domain of a live token, and takes no live token out of its domain', async () => {
    const { globalId: id, id: uuid } = await server.domain('tokens');
    const member = await server.user('USER', 'tokens');
    const inside = await server.logIn(member.email, member.uuid, 'tokens');
    const { query, prisma } = server.db;
    const live = /restrict_violation|is live: revoke it first/;
    await expect(query(sql`delete from "Domain" where id = ${uuid}::uuid`)).rejects.toThrow(live);
    await expect(query(sql`update "Token" set "domainId" = null where "domainId" = ${uuid}::uuid`)).rejects.toThrow(live);
    expect((await inside.query('{ me { id } }')).code).toBeUndefined();
    expect((await remove(superadmin, id)).code).toBeUndefined();
    expect(await prisma.token.count({ where: { userId: member.uuid, domainId: null, revokedAt: null } })).toBe(1); // that of server.user
    expect((await inside.query('{ me { id } }')).code).toBe('TOKEN_REVOKED');
  });

  it('leaves no grants to a new domain of the same name', async () => {
    const { globalId: id } = await server.domain('again');
    const domainAdmin = await server.user('ADMIN', 'again');
    const member = await server.user('USER', 'again');
    await remove(superadmin, id);
    await server.domain('again');
    await server.grant(member.uuid, 'USER', 'again');
    expect((await domainAdmin.query('{ users { totalCount } }')).data.users.totalCount).toBe(1);
  });

  it.each([
    ['has child domains', async () => ({ above: await server.domain('above'), child: await server.domain('child', 'above') }).above],
    ['is the default domain of new users', async () => lobby],
  ])('rejects a domain that %s', async (_, domain) => {
    const { id, globalId } = await domain();
    const { code, errors } = await remove(superadmin, globalId);
    expect([code, Object.keys(errors?.[0]?.extensions.fields ?? {})]).toEqual(['INVALID_INPUT', ['id']]);
    expect(await server.db.prisma.domain.findUnique({ where: { id } })).not.toBeNull();
  });

  it('leaves no grant and no child domain when those are created concurrently', async () => {
    const third = await server.user('SUPERADMIN');
    const [{ globalId: id }, alice] = [await server.domain('race-1'), await server.user()];
    const [deleted, granted, created] = await runConcurrently(
      server,
      () => remove(superadmin, id),
      () => other.query(grant, { id: alice.id, domain: 'race-1' }),
      () => third.query(create, { parent: 'race-1' }),
    );
    expect([deleted?.code, granted?.code, created?.code]).toEqual([undefined, 'INVALID_INPUT', 'INVALID_INPUT']);
    expect(granted?.errors?.[0]?.extensions.fields).toEqual({ domain: ['must be an existing domain'] });
    expect(created?.errors?.[0]?.extensions.fields).toEqual({ parent: ['must be an existing domain'] });
  });

  it('keeps a domain when a child is created concurrently before the deletion', async () => {
    const { globalId: id } = await server.domain('race-2');
    const [created, deleted] = await runConcurrently(
      server,
      () => other.query(create, { parent: 'race-2' }),
      () => remove(superadmin, id),
    );
    expect([created?.code, deleted?.code]).toEqual([undefined, 'INVALID_INPUT']);
  });

  it('requires a superadmin and returns NOT_FOUND for an unknown domain', async () => {
    const { globalId: id } = await server.domain('kept');
    for (const person of [await server.user('ADMIN'), await server.user('ADMIN', 'kept'), await server.user()])
      expect((await remove(person, id)).code).toBe('FORBIDDEN');
    expect((await remove(anonymous(server), id)).code).toBe('UNAUTHENTICATED');
    expect((await remove(superadmin, encodeGlobalID('Domain', randomUUID()))).code).toBe('NOT_FOUND');
    expect((await remove(superadmin, superadmin.id)).code).toBe('INVALID_INPUT');
  });
});
