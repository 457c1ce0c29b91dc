import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { runConcurrently } from '../role/run-concurrently.ts';
import { nobody, open, type Person } from '../test-server.ts';

const world = await open({ DEFAULT_DOMAIN: 'lobby' });
const lobby = await world.domain('lobby');
const superadmin = await world.user('SUPERADMIN');
const other = await world.user('SUPERADMIN');

const mutation = graphql(`
  mutation DeleteDomain($input: DeleteDomainInput!) {
    deleteDomain(input: $input) {
      deletedId
    }
  }
`);
const remove = (by: Pick<Person, 'ask'>, id: string) => by.ask(mutation, { input: { id } });

const grant = 'mutation ($id: ID!, $domain: String!) { grantRole(input: { userId: $id, role: "USER", domain: $domain }) { changed } }';
const create =
  'mutation ($parent: String!) { createDomain(input: { name: "below", displayName: "Below", parent: $parent }) { domain { id } } }';

describe('deleteDomain', () => {
  it('deletes the domain with all grants in it, and ends what was entered through it', async () => {
    const { globalId: id, id: uuid } = await world.domain('gone');
    const alice = await world.user('USER', 'gone');
    const inside = await world.signIn(alice.email, alice.uuid, 'gone');
    expect((await remove(superadmin, id)).data.deleteDomain.deletedId).toBe(id);
    expect((await inside.ask('{ me { id } }')).code).toBe('TOKEN_REVOKED');
    expect((await alice.ask('{ me { roles { role { name } } } }')).data.me.roles).toEqual([]);
    expect(await world.db.prisma.roleGrant.count({ where: { domainId: uuid } })).toBe(0);
    expect((await remove(superadmin, id)).code).toBe('NOT_FOUND');
  });

  it('leaves nothing to a new domain of the same name', async () => {
    const { globalId: id } = await world.domain('again');
    const keeper = await world.user('ADMIN', 'again');
    const member = await world.user('USER', 'again');
    await remove(superadmin, id);
    await world.domain('again');
    await world.grant(member.uuid, 'USER', 'again');
    expect((await keeper.ask('{ users { totalCount } }')).data.users.totalCount).toBe(1);
  });

  it.each([
    ['has domains below it', async () => ({ above: await world.domain('above'), child: await world.domain('child', 'above') }).above],
    ['is the one that new users enter', async () => lobby],
  ])('keeps one that %s', async (_, domain) => {
    const { id, globalId } = await domain();
    const { code, errors } = await remove(superadmin, globalId);
    expect([code, Object.keys(errors?.[0]?.extensions.fields ?? {})]).toEqual(['INVALID_INPUT', ['id']]);
    expect(await world.db.prisma.domain.findUnique({ where: { id } })).not.toBeNull();
  });

  it('leaves no grant in a domain that is deleted at the same moment, and none below it', async () => {
    const third = await world.user('SUPERADMIN');
    const [{ globalId: id }, alice] = [await world.domain('race-1'), await world.user()];
    const [deleted, granted, created] = await runConcurrently(
      world,
      () => remove(superadmin, id),
      () => other.ask(grant, { id: alice.id, domain: 'race-1' }),
      () => third.ask(create, { parent: 'race-1' }),
    );
    expect([deleted?.code, granted?.code, created?.code]).toEqual([undefined, 'INVALID_INPUT', 'INVALID_INPUT']);
    expect(granted?.errors?.[0]?.extensions.fields).toEqual({ domain: ['no such domain'] });
    expect(created?.errors?.[0]?.extensions.fields).toEqual({ parent: ['no such domain'] });
  });

  it('keeps a domain below which another is made at the same moment', async () => {
    const { globalId: id } = await world.domain('race-2');
    const [created, deleted] = await runConcurrently(
      world,
      () => other.ask(create, { parent: 'race-2' }),
      () => remove(superadmin, id),
    );
    expect([created?.code, deleted?.code]).toEqual([undefined, 'INVALID_INPUT']);
  });

  it('is for superadmins, and knows no unknown domain', async () => {
    const { globalId: id } = await world.domain('kept');
    for (const person of [await world.user('ADMIN'), await world.user('ADMIN', 'kept'), await world.user()])
      expect((await remove(person, id)).code).toBe('FORBIDDEN');
    expect((await remove(nobody(world), id)).code).toBe('UNAUTHENTICATED');
    expect((await remove(superadmin, encodeGlobalID('Domain', randomUUID()))).code).toBe('NOT_FOUND');
    expect((await remove(superadmin, superadmin.id)).code).toBe('INVALID_INPUT');
  });
});
