import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import type { UpdateUserInput } from '../generated/graphql.ts';
import { anonymous, startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;
await server.domain('north');
await server.domain('south');
const admin = await server.user('ADMIN');
const superadmin = await server.user('SUPERADMIN');

const mutation = graphql(`
  mutation UpdateUser($input: UpdateUserInput!) {
    updateUser(input: $input) { user { firstName lastName emailConfirmedAt username } }
  }
`);
const update = (caller: Pick<TestUser, 'query'>, { id }: TestUser, input: Omit<UpdateUserInput, 'id'>) =>
  caller.query(mutation, { input: { id, ...input } });
const rowOf = ({ uuid }: TestUser) => prisma.user.findUniqueOrThrow({ where: { id: uuid } });

/** A user whose address is not confirmed. */
async function unconfirmedUser(...user: Parameters<typeof server.user>) {
  const person = await server.user(...user);
  await prisma.user.update({ where: { id: person.uuid }, data: { emailConfirmedAt: null } });
  return person;
}

describe('updateUser', () => {
  it('keeps omitted fields and clears fields that are null or empty', async () => {
    const alice = await server.user();
    await update(admin, alice, { firstName: 'Ada', lastName: 'King', phone: '12345', country: 'GB' });
    const { data } = await update(admin, alice, { lastName: 'Lovelace', phone: null, country: '' });
    expect(data.updateUser.user).toMatchObject({ firstName: 'Ada', lastName: 'Lovelace' });
    expect(await rowOf(alice)).toMatchObject({ firstName: 'Ada', lastName: 'Lovelace', phone: null, country: null });
  });

  it('is allowed for the user, for administrators of a domain of an unranked user, and for users with a higher rank', async () => {
    const [alice, other, domainAdmin] = [await server.user('USER', 'north'), await server.user(), await server.user('ADMIN', 'north')];
    const codeOf = async (caller: Pick<TestUser, 'query'>, target: TestUser) => (await update(caller, target, { firstName: 'New' })).code;
    for (const caller of [alice, domainAdmin, admin, superadmin]) expect(await codeOf(caller, alice)).toBeUndefined();
    expect(await codeOf(anonymous(server), alice)).toBe('UNAUTHENTICATED');
    for (const caller of [other, await server.user('ADMIN', 'south')]) expect(await codeOf(caller, alice)).toBe('NOT_FOUND');
    expect(await codeOf(admin, await server.user('ADMIN'))).toBe('FORBIDDEN');
    expect(await codeOf(domainAdmin, await server.user('ADMIN', 'north'))).toBe('NOT_FOUND');
  });

  it('is denied to administrators of a domain while another domain shares the user', async () => {
    const [alice, domainAdmin] = [await server.user('USER', 'north'), await server.user('ADMIN', 'north')];
    const codeNow = async () => (await update(domainAdmin, alice, { firstName: 'New' })).code;
    expect(await codeNow()).toBeUndefined();
    await server.grant(alice.uuid, 'USER'); // held everywhere: in no other domain
    expect(await codeNow()).toBeUndefined();
    const elsewhere = await server.grant(alice.uuid, 'USER', 'south');
    expect(await codeNow()).toBe('FORBIDDEN');
    await prisma.domain.update({ where: { name: 'south' }, data: { active: false } });
    expect(await codeNow()).toBe('FORBIDDEN');
    await prisma.domain.update({ where: { name: 'south' }, data: { active: true } });
    for (const caller of [alice, admin, superadmin]) expect((await update(caller, alice, { firstName: 'New' })).code).toBeUndefined();
    await server.grant(domainAdmin.uuid, 'ADMIN', 'south');
    expect(await codeNow()).toBeUndefined();
    await prisma.roleGrant.deleteMany({ where: { userId: domainAdmin.uuid, domain: { name: 'south' } } });
    await prisma.roleGrant.update({ where: { id: elsewhere.id }, data: { expiresAt: new Date(Date.now() - 1_000) } });
    expect(await codeNow()).toBeUndefined();
  });

  it('rejects the values that updateProfile rejects', async () => {
    for (const input of [{ phone: '1' }, { country: 'XK' }, { avatarUrl: 'http://example.com/a.png' }, { firstName: 'A\u202e' }]) {
      const { code, errors } = await update(admin, await server.user(), input);
      expect([code, Object.keys(errors?.[0]?.extensions.fields ?? {})]).toEqual(['INVALID_INPUT', Object.keys(input)]);
    }
  });

  it.each(['email', 'emailConfirmedAt', 'enabled', 'roles', 'username', 'password'])('rejects the field %s', async (name) => {
    expect((await update(superadmin, await server.user(), { [name]: 'x' })).code).toBe('INVALID_INPUT');
  });
});

describe('updateUser: emailConfirmed', () => {
  it('confirms the address once', async () => {
    const alice = await unconfirmedUser();
    const { data } = await update(admin, alice, { emailConfirmed: true });
    const at = data.updateUser.user?.emailConfirmedAt;
    expect(Math.abs(Date.parse(at ?? '') - Date.now())).toBeLessThan(60_000);
    expect((await update(superadmin, alice, { emailConfirmed: true })).data.updateUser.user?.emailConfirmedAt).toBe(at);
  });

  it('requires a recent authentication with a session', async () => {
    const [alice, tired] = [await unconfirmedUser(), await server.user('SUPERADMIN')];
    const create = 'mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret } }';
    const made = await tired.query(create, { input: { description: 'd', scopes: ['users:read', 'users:write'] } });
    const token = made.data.createApiToken.secret as string;
    const document = 'mutation ($input: UpdateUserInput!) { updateUser(input: $input) { user { id } } }';
    expect((await server.query(document, { input: { id: alice.id, emailConfirmed: true } }, { token })).code).toBe('FORBIDDEN');
    await prisma.token.updateMany({ where: { userId: tired.uuid }, data: { authenticatedAt: new Date(Date.now() - 3_600_000) } });
    expect((await update(tired, alice, { emailConfirmed: true })).code).toBe('REAUTHENTICATION_REQUIRED');
    expect((await update(tired, alice, { firstName: 'Ada' })).code).toBeUndefined();
    expect((await rowOf(alice)).emailConfirmedAt).toBeNull();
  });

  it('is recorded, and the owner is notified by email, once', async () => {
    const alice = await unconfirmedUser();
    for (const _ of [1, 2]) await update(admin, alice, { emailConfirmed: true });
    const events = await prisma.auditEvent.findMany({ where: { userId: alice.uuid, action: 'user_updated' } });
    expect(events).toMatchObject([{ reason: 'email confirmed without proof', actorId: admin.uuid, result: 'ok' }]);
    const emails = await prisma.outboxEmail.findMany({ where: { userId: alice.uuid } });
    expect(emails.map(({ template }) => template)).toEqual(['emailMarkedConfirmed']);
  });

  it('rejects false and null', async () => {
    for (const emailConfirmed of [false, null]) {
      const { code, errors } = await update(admin, await server.user(), { emailConfirmed });
      expect([code, Object.keys(errors?.[0]?.extensions.fields ?? {})]).toEqual(['INVALID_INPUT', ['emailConfirmed']]);
    }
  });

  it('requires a higher platform rank: rejects domain administrators and changes nothing', async () => {
    const [alice, domainAdmin] = [await unconfirmedUser('USER', 'north'), await server.user('ADMIN', 'north')];
    const { code, errors } = await update(domainAdmin, alice, { firstName: 'New', emailConfirmed: true });
    expect([code, errors?.[0]?.extensions.coordinate]).toEqual(['FORBIDDEN', 'UpdateUserInput.emailConfirmed']);
    expect(await rowOf(alice)).toMatchObject({ firstName: null, emailConfirmedAt: null });
  });

  it("rejects one's own account", async () => {
    expect((await update(await unconfirmedUser('SUPERADMIN'), superadmin, { emailConfirmed: true })).code).toBeUndefined();
    for (const [rank, code] of [
      ['USER', 'FORBIDDEN'],
      ['ADMIN', 'FORBIDDEN'],
      ['SUPERADMIN', 'SELF_ACTION_FORBIDDEN'],
    ] as const) {
      const alice = await unconfirmedUser(rank);
      expect((await update(alice, alice, { emailConfirmed: true })).code).toBe(code);
      expect((await rowOf(alice)).emailConfirmedAt).toBeNull();
    }
  });

  it('assigns the requested username unless it has been taken since', async () => {
    const [alice, bob, username] = [await unconfirmedUser(), await unconfirmedUser(), `A${randomUUID().slice(0, 12)}`];
    await prisma.user.updateMany({ where: { id: { in: [alice.uuid, bob.uuid] } }, data: { username } });
    expect((await update(admin, alice, { emailConfirmed: true })).data.updateUser.user?.username).toBe(username);
    expect((await update(admin, bob, { emailConfirmed: true })).data.updateUser.user).toMatchObject({ username: null });
    expect([await rowOf(alice), await rowOf(bob)]).toMatchObject([{ usernameKey: username.toLowerCase() }, { usernameKey: null }]);
  });
});
