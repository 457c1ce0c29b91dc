import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import type { UpdateDomainInput } from '../generated/graphql.ts';
import { runConcurrently } from '../role/run-concurrently.ts';
import { anonymous, startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
const superadmin = await server.user('SUPERADMIN');
const other = await server.user('SUPERADMIN');

const mutation = graphql(`
  mutation UpdateDomain($input: UpdateDomainInput!) {
    updateDomain(input: $input) {
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
const update = (by: Pick<TestUser, 'query'>, id: string, rest: Omit<UpdateDomainInput, 'id'>) =>
  by.query(mutation, { input: { id, ...rest } });
const parentOf = async (name: string) =>
  (await server.db.prisma.domain.findUniqueOrThrow({ where: { name }, include: { parent: true } })).parent?.name;
let made = 0;
/** A chain of new domains, each below the previous one. */
const chain = async (length: number) => {
  const line: Domain[] = [];
  for (let index = 0; index < length; index += 1) {
    made += 1;
    line.push(await server.domain(`d${made}-x`, line.at(-1)?.name));
  }
  return line as [Domain, Domain, Domain];
};
type Domain = Awaited<ReturnType<typeof server.domain>>;

describe('updateDomain', () => {
  it('changes the given fields and keeps the others', async () => {
    const [{ name: top }, { name, globalId: id }] = await chain(2);
    const answer = async (rest: object) => (await update(superadmin, id, rest)).data.updateDomain.domain;
    expect(await answer({ displayName: 'New' })).toEqual({ name, displayName: 'New', active: true, parent: { name: top } });
    expect(await answer({ active: false })).toEqual({ name, displayName: 'New', active: false, parent: { name: top } });
    expect(await answer({ parent: null })).toEqual({ name, displayName: 'New', active: false, parent: null });
    expect(await answer({ parent: top, active: true })).toEqual({ name, displayName: 'New', active: true, parent: { name: top } });
    expect(await answer({})).toEqual({ name, displayName: 'New', active: true, parent: { name: top } });
  });

  it('returns NOT_FOUND for a domain that the caller cannot see, whatever fields are given', async () => {
    const [own, hidden] = [(await chain(1))[0], (await chain(1))[0]];
    await server.db.prisma.domain.update({ where: { id: hidden.id }, data: { active: false } });
    const domainAdmin = await server.user('ADMIN', own.name);
    for (const fields of [{ displayName: 'Mine' }, { active: true }, { parent: own.name }])
      expect((await update(domainAdmin, hidden.globalId, fields)).code).toBe('NOT_FOUND');
  });

  it('allows administrators of the domain and its parents to change only the display name', async () => {
    const [top, { name, globalId: id }] = await chain(2);
    for (const domainAdmin of [await server.user('ADMIN', name), await server.user('ADMIN', top.name)]) {
      expect((await update(domainAdmin, id, { displayName: 'Ours' })).data.updateDomain.domain?.displayName).toBe('Ours');
      expect((await update(domainAdmin, id, { displayName: 'Closed', active: false })).errors?.[0]?.extensions).toMatchObject({
        code: 'FORBIDDEN',
        rule: 'admin',
      });
      expect((await update(domainAdmin, id, { parent: null })).errors?.[0]?.extensions).toMatchObject({
        code: 'FORBIDDEN',
        rule: 'superadmin',
      });
    }
    expect(await server.db.prisma.domain.findUnique({ where: { name } })).toMatchObject({
      displayName: 'Ours',
      active: true,
      parentId: top.id,
    });
  });

  it('allows platform administrators to deactivate and activate a domain but not to move it', async () => {
    const [, { globalId: id }] = await chain(2);
    const admin = await server.user('ADMIN');
    expect((await update(admin, id, { active: false })).data.updateDomain.domain?.active).toBe(false);
    expect((await update(admin, id, { active: true })).data.updateDomain.domain?.active).toBe(true);
    expect((await update(admin, id, { parent: null })).code).toBe('FORBIDDEN');
  });

  it('rejects administrators of other domains and of child domains, ordinary users and anonymous callers', async () => {
    const [top, middle, bottom] = await chain(3);
    const [foreign] = await chain(1);
    for (const person of [
      await server.user('ADMIN', bottom.name),
      await server.user('ADMIN', foreign.name),
      await server.user('USER', middle.name),
    ])
      expect((await update(person, middle.globalId, { displayName: 'Mine' })).code).toBe('FORBIDDEN');
    expect((await update(anonymous(server), top.globalId, { displayName: 'Mine' })).code).toBe('UNAUTHENTICATED');
    expect((await update(superadmin, encodeGlobalID('Domain', randomUUID()), {})).code).toBe('NOT_FOUND');
  });

  it('returns the same error for another domain that is inactive as for an unknown one', async () => {
    const [closed, own] = [...(await chain(1)), ...(await chain(1))];
    await update(superadmin, closed.globalId, { active: false });
    const domainAdmin = await server.user('ADMIN', own?.name);
    const hidden = await update(domainAdmin, closed.globalId, { displayName: 'Mine' });
    expect(hidden.code).toBe('NOT_FOUND');
    expect({ ...(await update(domainAdmin, encodeGlobalID('Domain', randomUUID()), {})), headers: null }).toEqual({
      ...hidden,
      headers: null,
    });
  });

  it.each([
    ['displayName', { displayName: null }],
    ['displayName', { displayName: ' ' }],
    ['displayName', { displayName: 'x'.repeat(121) }],
    ['active', { active: null }],
    ['parent', { parent: 'none' }],
  ])('rejects an invalid %s: %o', async (field, rest) => {
    const [{ name, globalId: id }] = await chain(1);
    const { code, errors } = await update(superadmin, id, rest);
    expect([code, Object.keys(errors?.[0]?.extensions.fields ?? {})]).toEqual(['INVALID_INPUT', [field]]);
    expect(await server.db.prisma.domain.findUnique({ where: { name } })).toMatchObject({ displayName: name, active: true });
  });

  it('rejects a move below itself', async () => {
    const [top, middle, bottom] = await chain(3);
    for (const { name } of [top, middle, bottom])
      expect((await update(superadmin, top.globalId, { parent: name })).errors?.[0]?.extensions).toMatchObject({
        code: 'INVALID_INPUT',
        fields: { parent: [expect.any(String)] },
      });
    expect(await parentOf(top.name)).toBeUndefined();
  });

  it('creates no cycle when two domains are moved below each other concurrently', async () => {
    const [[one, belowOne], [two, belowTwo]] = [await chain(2), await chain(2)];
    const answers = await runConcurrently(
      server,
      () => update(superadmin, one.globalId, { parent: belowTwo.name }),
      () => update(other, two.globalId, { parent: belowOne.name }),
    );
    expect(answers.map(({ code }) => code)).toEqual([undefined, 'INVALID_INPUT']);
    expect([await parentOf(one.name), await parentOf(two.name)]).toEqual([belowTwo.name, undefined]);
  });
});

describe('updateDomain with active: false', () => {
  it('revokes the sessions and API tokens in the domain and no others', async () => {
    const [{ name, globalId: id }] = await chain(1);
    const alice = await server.user('USER', name);
    const inside = await server.logIn(alice.email, alice.uuid, name);
    const mint =
      'mutation ($name: String!) { createApiToken(input: { description: "ci", scopes: ["users:read"], domain: $name }) { secret } }';
    const { secret } = (await alice.query(mint, { name })).data.createApiToken;
    await update(superadmin, id, { active: false });
    for (const token of [inside.accessToken, secret])
      expect((await server.query('{ me { id } }', {}, { token })).code).toBe('TOKEN_REVOKED');
    expect((await alice.query('{ me { id } }')).code).toBeUndefined();
    const ended = await server.db.prisma.tokenRevocation.findMany({ where: { userId: alice.uuid } });
    expect(ended.map(({ reason, initiator }) => [reason, initiator])).toEqual(Array(2).fill(['DOMAIN_DISABLED', 'ADMIN']));
  });

  it('rejects login to the domain and suspends the rights of its administrators', async () => {
    const [{ name, globalId: id }] = await chain(1);
    const [domainAdmin, alice] = [await server.user('ADMIN', name), await server.user('USER', name)];
    expect((await domainAdmin.query('{ users { totalCount } }')).data.users.totalCount).toBe(2);
    await update(superadmin, id, { active: false });
    expect((await domainAdmin.query('{ users { totalCount } }')).data.users.totalCount).toBe(1);
    await expect(server.logIn(alice.email, alice.uuid, name)).rejects.toThrow(/cannot log in/);
  });

  it('keeps the sessions revoked when the domain is activated again', async () => {
    const [{ name, globalId: id }] = await chain(1);
    const alice = await server.user('USER', name);
    const inside = await server.logIn(alice.email, alice.uuid, name);
    await update(superadmin, id, { active: false });
    await update(superadmin, id, { active: true });
    expect((await inside.query('{ me { id } }')).code).toBe('TOKEN_REVOKED');
  });
});
