import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { emailTo } from '../mail/emails.ts';
import { anonymous, startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
await server.domain('north');

const mutation = graphql(`
  mutation DisableUser($input: DisableUserInput!) {
    disableUser(input: $input) {
      changed
      user {
        enabled
      }
    }
  }
`);
const disable = (by: Pick<TestUser, 'query'>, id: string) => by.query(mutation, { input: { id } });
const isEnabled = async ({ uuid }: TestUser) => (await server.db.prisma.user.findUniqueOrThrow({ where: { id: uuid } })).enabled;
const mint = `mutation { createApiToken(input: { description: "ci", scopes: ["users:read", "users:write"] }) { secret } }`;

describe('disableUser', () => {
  it('revokes the sessions and API tokens of the account, and rejects login and refresh', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    const elsewhere = await server.logIn(alice.email, alice.uuid);
    const { secret } = (await alice.query(mint)).data.createApiToken;
    expect((await disable(admin, alice.id)).data.disableUser).toEqual({ changed: true, user: { enabled: false } });
    const answers = [
      await alice.query('{ me { id } }'),
      await elsewhere.query('{ me { id } }'),
      await server.query('{ me { id } }', {}, { token: secret }),
    ];
    expect(answers.map(({ status, code }) => [status, code])).toEqual(Array(3).fill([401, 'TOKEN_REVOKED']));
    const refresh = await server.query(`mutation { refresh(input: { refreshToken: "${alice.refreshToken}" }) { accessToken } }`);
    expect(refresh.data?.refresh ?? null).toBeNull();
    await expect(server.logIn(alice.email, alice.uuid)).rejects.toThrow(/cannot log in/);
    expect(
      await server.db.prisma.tokenRevocation.count({ where: { userId: alice.uuid, reason: 'USER_DISABLED', actorId: admin.uuid } }),
    ).toBe(3);
  });

  it('keeps the sessions revoked when the account is enabled again', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    await disable(admin, alice.id);
    await admin.query('mutation ($id: ID!) { enableUser(input: { id: $id }) { changed } }', { id: alice.id });
    expect((await alice.query('{ me { id } }')).code).toBe('TOKEN_REVOKED');
  });

  it('invalidates email links permanently, even after the account is enabled again', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    await alice.query('mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ok } }', {
      input: { email: alice.email },
    });
    const { token } = await emailTo(server, alice.uuid, 'passwordReset');
    await disable(admin, alice.id);
    await admin.query('mutation ($id: ID!) { enableUser(input: { id: $id }) { changed } }', { id: alice.id });
    const reset = 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { ok } }';
    const input = { token, newPassword: 'seven teal herons misread a map' };
    expect((await server.query(reset, { input })).code).toBe('INVALID_TOKEN');
  });

  it('returns changed: false the second time', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    await disable(admin, alice.id);
    expect((await disable(admin, alice.id)).data.disableUser).toEqual({ changed: false, user: { enabled: false } });
  });

  it('requires a higher rank', async () => {
    const [superadmin, admin, peer, below] = [
      await server.user('SUPERADMIN'),
      await server.user('ADMIN'),
      await server.user('ADMIN'),
      await server.user('SUPERADMIN'),
    ];
    expect((await disable(admin, peer.id)).code).toBe('FORBIDDEN');
    expect((await disable(admin, superadmin.id)).code).toBe('FORBIDDEN');
    expect([await isEnabled(peer), await isEnabled(superadmin)]).toEqual([true, true]);
    expect((await disable(superadmin, peer.id)).data.disableUser.changed).toBe(true);
    expect((await disable(superadmin, below.id)).data.disableUser.changed).toBe(true);
  });

  it('rejects domain administrators, ordinary users and anonymous callers', async () => {
    const [domainAdmin, member, stranger] = [await server.user('ADMIN', 'north'), await server.user('USER', 'north'), await server.user()];
    expect((await disable(domainAdmin, member.id)).code).toBe('FORBIDDEN');
    expect((await disable(domainAdmin, stranger.id)).code).toBe('FORBIDDEN');
    expect((await disable(stranger, member.id)).code).toBe('FORBIDDEN');
    expect((await disable(stranger, stranger.id)).code).toBe('FORBIDDEN');
    expect((await disable(anonymous(server), member.id)).code).toBe('UNAUTHENTICATED');
    expect([await isEnabled(member), await isEnabled(stranger)]).toEqual([true, true]);
  });

  it('returns NOT_FOUND for an unknown user', async () => {
    const [superadmin, admin] = [await server.user('SUPERADMIN'), await server.user('ADMIN')];
    for (const person of [superadmin, admin]) expect((await disable(person, encodeGlobalID('User', randomUUID()))).code).toBe('NOT_FOUND');
    for (const id of ['1', randomUUID().toUpperCase(), `${randomUUID()}'`])
      expect((await disable(superadmin, encodeGlobalID('User', id))).code).toBe('NOT_FOUND');
  });

  it("rejects one's own account", async () => {
    const superadmin = await server.user('SUPERADMIN');
    expect((await disable(superadmin, superadmin.id)).code).toBe('SELF_ACTION_FORBIDDEN');
    expect(await isEnabled(superadmin)).toBe(true);
  });

  it('accepts an API token with the scope users:write while its owner has the rank', async () => {
    const [admin, alice, bob] = [await server.user('ADMIN'), await server.user(), await server.user()];
    const { secret } = (await admin.query(mint)).data.createApiToken;
    const byToken = (id: string) => server.query(mutation, { input: { id } }, { token: secret });
    expect((await byToken(alice.id)).data.disableUser.changed).toBe(true);
    await server.db.prisma.roleGrant.deleteMany({ where: { userId: admin.uuid } });
    expect((await byToken(bob.id)).code).toBe('FORBIDDEN');
    expect(await isEnabled(bob)).toBe(true);
  });

  it('rejects an API token without the scope users:write', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    const { secret } = (await admin.query(mint.replace(', "users:write"', ''))).data.createApiToken;
    expect((await server.query(mutation, { input: { id: alice.id } }, { token: secret })).code).toBe('FORBIDDEN');
    expect(await isEnabled(alice)).toBe(true);
  });
});
