import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { rolesOf } from '../invitation/fixtures.ts';
import { emailTo } from '../mail/emails.ts';
import { startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer({ PUBLIC_REGISTRATION: 'false' });
const { prisma } = server.db;
await server.domain('north');
await prisma.role.create({ data: { name: 'EDITOR', permissions: ['settings:read'] } });
const [superadmin, admin, north] = [await server.user('SUPERADMIN'), await server.user('ADMIN'), await server.user('ADMIN', 'north')];
const createMutation =
  'mutation ($input: CreateUserInput!) { createUser(input: $input) { user { id email displayName emailConfirmedAt } } }';
const reset = 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { ok } }';
const newPassword = 'nine amber foxes fold a paper crane';
const newEmail = () => `${randomUUID()}@example.com`;

async function create(by: TestUser, input: object = {}) {
  const email = newEmail();
  const { code, data } = await by.query(createMutation, { input: { email, ...input } });
  const user = await prisma.user.findUnique({ where: { emailKey: email } });
  return { code, email, uuid: user?.id ?? '', user: data?.createUser.user };
}

describe('createUser', () => {
  it('creates an account without a password and with the default role, even if public registration is disabled', async () => {
    const { email, uuid, user } = await create(admin, { displayName: 'Alice' });
    expect(user).toMatchObject({ email, displayName: 'Alice', emailConfirmedAt: null });
    expect(await rolesOf(server, email)).toEqual(['USER']);
    expect(await prisma.password.count({ where: { userId: uuid } })).toBe(0);
    expect(await prisma.roleGrant.findFirst({ where: { userId: uuid } })).toMatchObject({ grantedById: admin.uuid });
  });

  it('emails the owner a link that sets the first password once and confirms the address', async () => {
    const { email, uuid } = await create(admin);
    const { token } = await emailTo(server, uuid, 'welcome');
    expect((await server.query(reset, { input: { token, newPassword } })).data).toEqual({ resetPassword: { ok: true } });
    expect((await prisma.user.findUniqueOrThrow({ where: { id: uuid } })).emailConfirmedAt).not.toBeNull();
    const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { user { email } } } }';
    expect((await server.query(login, { input: { email, password: newPassword } })).data.login.user).toEqual({ email });
    expect((await server.query(reset, { input: { token, newPassword } })).code).toBe('INVALID_TOKEN');
  });

  it('emails a link that is valid for 7 days while the account has no password', async () => {
    const { uuid } = await create(admin);
    const { token, text } = await emailTo(server, uuid, 'welcome');
    expect(text).toContain('for 7 days');
    await prisma.password.create({ data: { userId: uuid, hash: 'x' } });
    expect((await server.query(reset, { input: { token, newPassword } })).code).toBe('INVALID_TOKEN');
    const { expiresAt, createdAt } = await prisma.emailLink.findFirstOrThrow({ where: { userId: uuid } });
    expect(Math.round((expiresAt.getTime() - createdAt.getTime()) / 60_000)).toBe(7 * 24 * 60);
  });

  it('grants another first role that the administrator may grant, on the platform or in a domain', async () => {
    expect(await rolesOf(server, (await create(admin, { role: 'EDITOR', domain: 'north' })).email)).toEqual(['EDITOR in north']);
    expect(await rolesOf(server, (await create(admin, { role: 'EDITOR' })).email)).toEqual(['EDITOR']);
    expect(await rolesOf(server, (await create(admin, { domain: 'north' })).email)).toEqual(['USER in north']);
  });

  it('requires a superadmin to grant ADMIN or SUPERADMIN', async () => {
    for (const input of [{ role: 'ADMIN', domain: 'north' }, { role: 'ADMIN' }, { role: 'SUPERADMIN' }]) {
      expect(await create(admin, input)).toMatchObject({ code: 'FORBIDDEN', uuid: '' });
      expect((await create(superadmin, input)).code).toBeUndefined();
    }
  });

  it('requires a platform administrator: rejects domain administrators, users and anonymous callers', async () => {
    expect((await create(north, { domain: 'north' })).code).toBe('FORBIDDEN');
    expect((await create(await server.user())).code).toBe('FORBIDDEN');
    expect((await server.query(createMutation, { input: { email: newEmail() } })).code).toBe('UNAUTHENTICATED');
  });

  it('accepts an API token with the scope users:write, but not with another role or a domain', async () => {
    const mint = 'mutation ($scopes: [String!]!) { createApiToken(input: { description: "ci", scopes: $scopes }) { secret } }';
    const by = async (scope: string, input: object) => {
      const { secret: token } = (await admin.query(mint, { scopes: [scope, 'users:read'] })).data.createApiToken;
      return (await server.query(createMutation, { input: { email: newEmail(), ...input } }, { token })).code;
    };
    expect([await by('users:write', {}), await by('settings:write', {})]).toEqual([undefined, 'FORBIDDEN']);
    for (const input of [{ role: 'EDITOR' }, { domain: 'north' }]) expect(await by('users:write', input)).toBe('FORBIDDEN');
  });

  it('rejects a taken address, ignoring case, and creates one account when called 3 times concurrently', async () => {
    const { email } = await create(admin);
    expect((await admin.query(createMutation, { input: { email: email.toUpperCase() } })).code).toBe('TAKEN');
    const at = newEmail().replace('@', '+a@');
    const admins = await Promise.all([1, 2, 3].map(() => server.user('ADMIN')));
    const answers = await Promise.all(admins.map((one) => one.query(createMutation, { input: { email: at } })));
    expect(answers.map(({ code }) => code).sort()).toEqual(['TAKEN', 'TAKEN', undefined]);
  });

  it('rejects a malformed address, an unknown role, and an unknown or inactive domain', async () => {
    await prisma.domain.create({ data: { name: 'closed', displayName: 'Closed', active: false } });
    expect((await admin.query(createMutation, { input: { email: 'malformed' } })).code).toBe('INVALID_INPUT');
    for (const input of [{ role: 'NO_SUCH' }, { domain: 'no-such' }, { domain: 'closed' }])
      expect((await create(admin, input)).code).toBe('INVALID_INPUT');
  });
});
