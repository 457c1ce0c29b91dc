import { describe, expect, it } from 'vitest';
import { startTestServer } from '../test-server.ts';
import { accept, acceptMutation, invite, logIn, password, rolesOf, waitForAccount } from './fixtures.ts';

const server = await startTestServer({ PUBLIC_REGISTRATION: 'false', REQUIRE_EMAIL_CONFIRMATION: 'true' });
const { prisma } = server.db;
await server.domain('north');
await prisma.role.create({ data: { name: 'EDITOR', permissions: ['settings:read'] } });
const north = await server.user('ADMIN', 'north');
const toNorth = (email?: string) => invite(server, north, { role: 'EDITOR', domain: 'north', ...(email && { email }) });

describe('acceptInvitation', () => {
  it('creates a confirmed account with both roles and without a session, even if public registration is disabled', async () => {
    const { email, token } = await toNorth();
    const { data } = await server.query(acceptMutation, { input: { token, password, displayName: 'Alice' } });
    expect(data.acceptInvitation).toEqual({ made: true, user: null });
    expect((await logIn(server, email)).data.login.user).toEqual({ email, displayName: 'Alice' });
    expect(await rolesOf(server, email)).toEqual(['EDITOR in north', 'USER']);
    expect((await waitForAccount(server, email)).emailConfirmedAt).not.toBeNull();
    expect(await prisma.outboxEmail.count({ where: { template: 'emailConfirmation', user: { email } } })).toBe(0);
  });

  it('accepts the email and code instead of the link', async () => {
    const { email, code } = await toNorth();
    expect((await server.query(acceptMutation, { input: { email: email.toUpperCase(), code, password } })).code).toBeUndefined();
    expect(await rolesOf(server, email)).toEqual(['EDITOR in north', 'USER']);
  });

  it('adds the role to the account of its authenticated owner, granted by the inviter', async () => {
    const alice = await server.user();
    await prisma.user.update({ where: { id: alice.uuid }, data: { emailConfirmedAt: null } });
    const { token } = await toNorth(alice.email);
    const { data } = await alice.query(acceptMutation, { input: { token } });
    expect(data.acceptInvitation).toEqual({ made: false, user: { id: alice.id } });
    expect(await rolesOf(server, alice.email)).toEqual(['EDITOR in north', 'USER']);
    const grant = await prisma.roleGrant.findFirst({ where: { userId: alice.uuid, role: { name: 'EDITOR' } } });
    expect(grant).toMatchObject({ grantedById: north.uuid, delegable: 0, expiresAt: null });
    expect((await prisma.user.findUniqueOrThrow({ where: { id: alice.uuid } })).emailConfirmedAt).not.toBeNull();
  });

  it('requires the owner of an existing account to log in, and keeps the invitation valid', async () => {
    const [alice, bob] = [await server.user(), await server.user()];
    const { token } = await toNorth(alice.email);
    const mint = 'mutation { createApiToken(input: { description: "ci", scopes: ["users:write"] }) { secret } }';
    const { secret } = (await alice.query(mint)).data.createApiToken;
    const refused = [
      await accept(server, { token }),
      await bob.query(acceptMutation, { input: { token, password } }),
      await server.query(acceptMutation, { input: { token } }, { token: secret }),
    ];
    expect(refused.map(({ code }) => code)).toEqual(Array(3).fill('UNAUTHENTICATED'));
    expect((await prisma.user.findUniqueOrThrow({ where: { id: bob.uuid }, include: { grants: true } })).grants).toHaveLength(1);
    expect((await alice.query(acceptMutation, { input: { token } })).code).toBeUndefined();
  });

  it('keeps a grant that the user already has and renews an expired one', async () => {
    const [held, ended] = [await server.user(), await server.user()];
    const soon = new Date(Date.now() + 3_600_000);
    for (const [{ uuid }, expiresAt] of [[held, soon] as const, [ended, new Date(Date.now() - 1_000)] as const]) {
      const { id } = await server.grant(uuid, 'EDITOR', 'north');
      await prisma.roleGrant.update({ where: { id }, data: { expiresAt } });
    }
    const ends: (Date | null | undefined)[] = [];
    for (const person of [held, ended]) {
      const { token } = await toNorth(person.email);
      expect((await person.query(acceptMutation, { input: { token } })).code).toBeUndefined();
      const where = { userId: person.uuid, role: { name: 'EDITOR' } };
      ends.push((await prisma.roleGrant.findFirst({ where }))?.expiresAt);
    }
    expect(ends).toEqual([soon, null]);
  });

  it('succeeds once when 10 requests use the link concurrently', async () => {
    const { email, token } = await toNorth();
    const answers = await Promise.all(Array.from({ length: 10 }, () => accept(server, { token })));
    const codes = answers.map(({ code }) => code);
    expect(codes.filter((code) => code === undefined)).toHaveLength(1);
    expect(codes.filter((code) => code && !['INVALID_TOKEN', 'UNAUTHENTICATED'].includes(code))).toEqual([]);
    expect(await prisma.user.count({ where: { email } })).toBe(1);
  });

  it('succeeds once when the signed-in owner uses the link 10 times concurrently', async () => {
    const alice = await server.user();
    const { token } = await toNorth(alice.email);
    const answers = await Promise.all(Array.from({ length: 10 }, () => alice.query(acceptMutation, { input: { token } })));
    expect(answers.map(({ code }) => code).sort()).toEqual([...Array(9).fill('INVALID_TOKEN'), undefined]);
    const where = { action: 'privilege_permissions_changed', userId: alice.uuid };
    expect(await prisma.auditEvent.count({ where })).toBe(1);
  });

  it('creates one account when two invitations to one address are accepted concurrently; the other one requires a login', async () => {
    const [first, second] = [await toNorth(), { token: '' }];
    second.token = (await toNorth(first.email)).token;
    const answers = await Promise.all([accept(server, first), accept(server, second)]);
    expect(answers.map(({ code }) => code).sort()).toEqual(['UNAUTHENTICATED', undefined]);
    const { accessToken: signedIn } = (await logIn(server, first.email)).data.login;
    const [other] = answers[0]?.code ? [first] : [second];
    expect((await server.query(acceptMutation, { input: { token: other?.token } }, { token: signedIn })).code).toBeUndefined();
  });

  it('rejects an expired, revoked or used invitation, an unknown token and a link of another purpose', async () => {
    const [late, revoked, used] = [await toNorth(), await toNorth(), await toNorth()];
    await prisma.invitation.update({ where: { id: late.uuid }, data: { expiresAt: new Date(Date.now() - 1_000) } });
    await north.query('mutation ($id: ID!) { revokeInvitation(input: { id: $id }) { changed } }', { id: revoked.id });
    await accept(server, used);
    const reset = 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { ok } }';
    const misused = await server.query(reset, { input: { token: (await toNorth()).token, newPassword: password } });
    expect(misused.code).toBe('INVALID_TOKEN');
    for (const { email, token } of [late, revoked, { email: used.email, token: `fgl_${'A'.repeat(43)}` }]) {
      expect((await accept(server, { token })).code).toBe('INVALID_TOKEN');
      if (email !== used.email) expect(await rolesOf(server, email)).toEqual([]);
    }
    expect((await accept(server, used)).code).toBe('INVALID_TOKEN');
  });

  it('applies only to the invited address, not to an account that has changed its address', async () => {
    const alice = await server.user();
    const { email, token } = await toNorth(alice.email);
    await prisma.user.update({ where: { id: alice.uuid }, data: { email: `new-${email}`, emailKey: `new-${email}` } });
    expect((await alice.query(acceptMutation, { input: { token } })).code).toBe('INVALID_INPUT'); // the address has no account, so a password is required
    expect(await rolesOf(server, `new-${email}`)).toEqual(['USER']);
  });

  it('requires an acceptable password for a new account, and keeps the invitation valid otherwise', async () => {
    const { token } = await toNorth();
    for (const input of [{ token }, { token, password: 'short' }])
      expect(await server.query(acceptMutation, { input })).toMatchObject({
        code: 'INVALID_INPUT',
        errors: [{ extensions: { fields: { password: expect.any(Array) } } }],
      });
    expect((await accept(server, { token })).code).toBeUndefined();
  });

  it('records audit events for the account and for the role with the invitation', async () => {
    const { email, token, uuid } = await toNorth();
    await accept(server, { token });
    const { id } = await waitForAccount(server, email);
    const rows = await prisma.auditEvent.findMany({
      where: { userId: id },
      orderBy: { id: 'asc' },
    });
    const details = { role: 'EDITOR', domain: 'north', invitationId: uuid, invitedById: north.uuid };
    expect(rows).toMatchObject([
      { action: 'user_created', actorId: null, targetId: id },
      { action: 'privilege_permissions_changed', reason: 'invitation accepted', targetType: 'RoleGrant', details },
    ]);
  });
});
