import { describe, expect, it } from 'vitest';
import { outcomes } from '../mail/emails.ts';
import { startTestServer, type TestUser } from '../test-server.ts';
import { invite, inviteMutation, newEmail } from './fixtures.ts';

const server = await startTestServer();
const { prisma } = server.db;
await server.domain('north');
await server.domain('below', 'north');
await server.domain('south');
await server.domain('joined');
await prisma.role.create({ data: { name: 'EDITOR', permissions: ['settings:read'] } });
const [superadmin, admin, north] = [await server.user('SUPERADMIN'), await server.user('ADMIN'), await server.user('ADMIN', 'north')];
const codeOf = async (inviter: TestUser, input: object) =>
  (await inviter.query(inviteMutation, { input: { email: newEmail(), ...input } })).code;
const days = (count: number) => Date.now() + count * 24 * 3_600_000;

describe('inviteUser', () => {
  it('emails the address a link to the invitation page and returns no secret', async () => {
    const { email, token, text } = await invite(server, north, { role: 'EDITOR', domain: 'north' });
    expect(text).toContain(`/invite?token=${token}`);
    const answer = await north.query('{ invitations(last: 1) { edges { node { email role { name } domain { name } } } } }');
    const [{ node }] = answer.data.invitations.edges;
    expect(node).toEqual({ email, role: { name: 'EDITOR' }, domain: { name: 'north' } });
  });

  it('quotes the joiners in the names of the inviter and of the domain, and no other invisible character', async () => {
    const names = { persian: 'نیم\u200Cفاصله', emoji: 'Ada 👩🏽\u200D💻 🏳\uFE0F\u200D🌈' };
    const inviter = await server.user('ADMIN', 'joined');
    await prisma.domain.update({ where: { name: 'joined' }, data: { displayName: names.persian } });
    await prisma.user.update({ where: { id: inviter.uuid }, data: { displayName: names.emoji } });
    const { subject, text, html } = await invite(server, inviter, { role: 'EDITOR', domain: 'joined' });
    expect(subject).toBe(`You have been invited to ${names.persian}`);
    for (const part of [text, html]) expect(part).toContain(`${names.emoji} has invited you to ${names.persian}.`);
    await prisma.user.update({ where: { id: inviter.uuid }, data: { displayName: 'A\u202Ed\u200Ba\u200D' } });
    expect((await invite(server, inviter, { role: 'EDITOR', domain: 'joined' })).text).toContain('A d a  has invited you');
  });

  it('allows domain administrators to invite to their domains and child domains only', async () => {
    expect(await codeOf(north, { role: 'EDITOR', domain: 'north' })).toBeUndefined();
    expect(await codeOf(north, { role: 'EDITOR', domain: 'below' })).toBeUndefined();
    for (const domain of ['south', undefined]) expect(await codeOf(north, { role: 'EDITOR', domain })).toBe('FORBIDDEN');
  });

  it('requires a superadmin to invite to ADMIN or SUPERADMIN', async () => {
    for (const input of [{ role: 'ADMIN', domain: 'north' }, { role: 'ADMIN' }, { role: 'SUPERADMIN' }]) {
      expect([await codeOf(north, input), await codeOf(admin, input)]).toEqual(['FORBIDDEN', 'FORBIDDEN']);
      expect(await codeOf(superadmin, input)).toBeUndefined();
    }
  });

  it('rejects users who are not administrators, even with a delegable grant, and API tokens', async () => {
    const editor = await server.user('EDITOR', 'north');
    await prisma.roleGrant.updateMany({ where: { userId: editor.uuid }, data: { delegable: 1 } });
    expect(await codeOf(editor, { role: 'EDITOR', domain: 'north' })).toBe('FORBIDDEN');
    const mint = 'mutation { createApiToken(input: { description: "ci", scopes: ["users:write"] }) { secret } }';
    const { secret: token } = (await admin.query(mint)).data.createApiToken;
    const byToken = await server.query(inviteMutation, { input: { email: newEmail(), role: 'EDITOR' } }, { token });
    expect(byToken.code).toBe('FORBIDDEN');
  });

  it('requires a confirmed address of the inviter', async () => {
    const guest = await server.user('ADMIN', 'north');
    await prisma.user.update({ where: { id: guest.uuid }, data: { emailConfirmedAt: null } });
    expect(await codeOf(guest, { role: 'EDITOR', domain: 'north' })).toBe('FORBIDDEN');
  });

  it('sends the same email and returns the same response whether or not the address has an account', async () => {
    const alice = await server.user();
    const known = await invite(server, north, { role: 'EDITOR', domain: 'north', email: alice.email });
    const unknown = await invite(server, north, { role: 'EDITOR', domain: 'north' });
    const plain = ({ text, token, code }: typeof known) =>
      text
        .replace(token, '')
        .replace(code, '')
        .replace(/until .* UTC/, '');
    expect(plain(known)).toBe(plain(unknown));
    const rows = await prisma.auditEvent.findMany({ where: { action: 'user_invited', targetId: { in: [known.uuid, unknown.uuid] } } });
    expect(rows.map(({ userId }) => userId)).toEqual([null, null]);
  });

  it('escapes names in the email: no markup, no link, no header injection', async () => {
    await prisma.domain.create({ data: { name: 'evil', displayName: '<b>win</b> https://evil.example\r\nBcc: x@example.com' } });
    await prisma.user.update({ where: { id: admin.uuid }, data: { displayName: '<img src=x> www.evil.example' } });
    const { subject, text, html } = await invite(server, admin, { role: 'EDITOR', domain: 'evil' });
    expect(html).not.toMatch(/<b>|<img|<a href="(?!http:\/\/fieldgate\.test)/);
    expect(`${subject}${text}${html}`).not.toMatch(/evil\.example|\/\/evil/);
    expect(subject).not.toMatch(/[\r\n]/);
  });

  it('expires after 7 days by default and rejects more than 30 days', async () => {
    const { uuid } = await invite(server, north, { role: 'EDITOR', domain: 'north' });
    const { expiresAt, createdAt } = await prisma.invitation.findUniqueOrThrow({ where: { id: uuid } });
    expect(Math.round((expiresAt.getTime() - createdAt.getTime()) / 60_000)).toBe(7 * 24 * 60);
    const until = (at: number) => codeOf(north, { role: 'EDITOR', domain: 'north', expiresAt: new Date(at).toISOString() });
    expect([await until(days(29)), await until(days(31)), await until(days(-1))]).toEqual([undefined, 'INVALID_INPUT', 'INVALID_INPUT']);
  });

  it("rejects one's own address and malformed addresses", async () => {
    expect(await codeOf(admin, { role: 'EDITOR', email: admin.email.toUpperCase() })).toBe('SELF_ACTION_FORBIDDEN');
    expect(await codeOf(admin, { role: 'EDITOR', email: 'malformed' })).toBe('INVALID_INPUT');
  });

  it('rejects an unknown role and an unknown or inactive domain', async () => {
    await prisma.domain.create({ data: { name: 'closed', displayName: 'Closed', active: false } });
    expect(await codeOf(admin, { role: 'NO_SUCH' })).toBe('INVALID_INPUT');
    for (const domain of ['no-such', 'closed']) expect(await codeOf(admin, { role: 'EDITOR', domain })).toBe('INVALID_INPUT');
  });

  it('allows 3 emails an hour for an address from one inviter, counted separately for each inviter', async () => {
    const email = newEmail();
    for (let times = 0; times < 3; times += 1) expect(await codeOf(admin, { role: 'EDITOR', email })).toBeUndefined();
    expect(await codeOf(admin, { role: 'EDITOR', email: email.toUpperCase() })).toBe('RATE_LIMITED');
    expect(await codeOf(superadmin, { role: 'EDITOR', email })).toBeUndefined();
  });

  it('sends no email when the invitation was revoked before', async () => {
    const { email, id } = await invite(server, admin, { role: 'EDITOR' });
    const { id: invitationId } = await prisma.invitation.findFirstOrThrow({ where: { email } });
    await admin.query('mutation ($id: ID!) { revokeInvitation(input: { id: $id }) { changed } }', { id });
    await prisma.outboxEmail.create({ data: { template: 'invitation', invitationId, data: { by: null, to: null } } });
    expect(await outcomes(server, 'invitation', { invitationId })).toEqual(['previewed', 'obsolete']);
  });

  // Runs last: its emails delay those of other tests.
  it('allows 100 emails a day for an inviter and 30 an hour for a network', async () => {
    const busy = await server.user('ADMIN', 'north');
    const send = (address: string) =>
      server.query(inviteMutation, { input: { email: newEmail(), role: 'EDITOR', domain: 'north' } }, { token: busy.accessToken, address });
    const codes: (string | undefined)[] = [];
    for (let at = 0; at < 105; at += 1) codes.push((await send(`192.0.2.${1 + Math.floor(at / 29)}`)).code);
    expect(codes.indexOf('RATE_LIMITED')).toBe(100);
    const north2 = await server.user('ADMIN', 'north');
    const many: (string | undefined)[] = [];
    for (let at = 0; at < 31; at += 1) many.push(await codeOf(north2, { role: 'EDITOR', domain: 'north' }));
    expect(many.indexOf('RATE_LIMITED')).toBe(30);
  }, 60_000);
});
