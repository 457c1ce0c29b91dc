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
const creating = 'mutation ($input: CreateUserInput!) { createUser(input: $input) { user { id email displayName emailConfirmedAt } } }';
const reset = 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { ok } }';
const newPassword = 'nine amber foxes fold a letter';
const newEmail = () => `${randomUUID()}@example.com`;

async function create(by: TestUser, input: object = {}) {
  const email = newEmail();
  const { code, data } = await by.query(creating, { input: { email, ...input } });
  const user = await prisma.user.findUnique({ where: { emailKey: email } });
  return { code, email, uuid: user?.id ?? '', user: data?.createUser.user };
}

describe('createUser', () => {
  it('makes an account without a password, where registration is closed, with the role that whoever registers gets', async () => {
    const { email, uuid, user } = await create(admin, { displayName: 'Alice' });
    expect(user).toMatchObject({ email, displayName: 'Alice', emailConfirmedAt: null });
    expect(await rolesOf(server, email)).toEqual(['USER']);
    expect(await prisma.password.count({ where: { userId: uuid } })).toBe(0);
    expect(await prisma.roleGrant.findFirst({ where: { userId: uuid } })).toMatchObject({ grantedById: admin.uuid });
  });

  it('mails the owner a link by which the first password is chosen, once, and the address is proven', async () => {
    const { email, uuid } = await create(admin);
    const { token } = await emailTo(server, uuid, 'welcome');
    expect((await server.query(reset, { input: { token, newPassword } })).data).toEqual({ resetPassword: { ok: true } });
    expect((await prisma.user.findUniqueOrThrow({ where: { id: uuid } })).emailConfirmedAt).not.toBeNull();
    const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { user { email } } } }';
    expect((await server.query(login, { input: { email, password: newPassword } })).data.login.user).toEqual({ email });
    expect((await server.query(reset, { input: { token, newPassword } })).code).toBe('INVALID_TOKEN');
  });

  it('mails a link that lasts 7 days, for an account that has no password yet', async () => {
    const { uuid } = await create(admin);
    const { token, text } = await emailTo(server, uuid, 'welcome');
    expect(text).toContain('for 7 days');
    await prisma.password.create({ data: { userId: uuid, hash: 'x' } });
    expect((await server.query(reset, { input: { token, newPassword } })).code).toBe('INVALID_TOKEN');
    const { expiresAt, createdAt } = await prisma.link.findFirstOrThrow({ where: { userId: uuid } });
    expect(Math.round((expiresAt.getTime() - createdAt.getTime()) / 60_000)).toBe(7 * 24 * 60);
  });

  it('gives another first role that the administrator may grant, everywhere or in a domain', async () => {
    expect(await rolesOf(server, (await create(admin, { role: 'EDITOR', domain: 'north' })).email)).toEqual(['EDITOR in north']);
    expect(await rolesOf(server, (await create(admin, { role: 'EDITOR' })).email)).toEqual(['EDITOR']);
    expect(await rolesOf(server, (await create(admin, { domain: 'north' })).email)).toEqual(['USER in north']);
  });

  it('gives ADMIN and SUPERADMIN by superadmins alone', async () => {
    for (const input of [{ role: 'ADMIN', domain: 'north' }, { role: 'ADMIN' }, { role: 'SUPERADMIN' }]) {
      expect(await create(admin, input)).toMatchObject({ code: 'FORBIDDEN', uuid: '' });
      expect((await create(superadmin, input)).code).toBeUndefined();
    }
  });

  it('is for administrators of the platform: not for those of a domain, or users', async () => {
    expect((await create(north, { domain: 'north' })).code).toBe('FORBIDDEN');
    expect((await create(await server.user())).code).toBe('FORBIDDEN');
    expect((await server.query(creating, { input: { email: newEmail() } })).code).toBe('UNAUTHENTICATED');
  });

  it('is for an API token that was made for it, and gives such a one no say in the role', async () => {
    const mint = 'mutation ($scopes: [String!]!) { createApiToken(input: { description: "ci", scopes: $scopes }) { secret } }';
    const by = async (scope: string, input: object) => {
      const { secret: token } = (await admin.query(mint, { scopes: [scope, 'users:read'] })).data.createApiToken;
      return (await server.query(creating, { input: { email: newEmail(), ...input } }, { token })).code;
    };
    expect([await by('users:write', {}), await by('settings:write', {})]).toEqual([undefined, 'FORBIDDEN']);
    for (const input of [{ role: 'EDITOR' }, { domain: 'north' }]) expect(await by('users:write', input)).toBe('FORBIDDEN');
  });

  it('refuses what is taken, however it is spelled, and makes one of several at the same moment', async () => {
    const { email } = await create(admin);
    expect((await admin.query(creating, { input: { email: email.toUpperCase() } })).code).toBe('TAKEN');
    const at = newEmail().replace('@', '+a@');
    const admins = await Promise.all([1, 2, 3].map(() => server.user('ADMIN')));
    const answers = await Promise.all(admins.map((one) => one.query(creating, { input: { email: at } })));
    expect(answers.map(({ code }) => code).sort()).toEqual(['TAKEN', 'TAKEN', undefined]);
  });

  it('refuses what is no address, no role and no open domain', async () => {
    await prisma.domain.create({ data: { name: 'shut', displayName: 'Shut', active: false } });
    expect((await admin.query(creating, { input: { email: 'nobody' } })).code).toBe('INVALID_INPUT');
    for (const input of [{ role: 'NO_SUCH' }, { domain: 'no-such' }, { domain: 'shut' }])
      expect((await create(admin, input)).code).toBe('INVALID_INPUT');
  });
});
