import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer, type TestUser, waitUntil } from '../test-server.ts';
import { openSmtpServer } from './smtp-server.ts';

const requestReset = (server: TestServer, { email }: TestUser) =>
  server.query('mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ok } }', { input: { email } });

const pending = ({ db }: TestServer) => db.prisma.outboxEmail.findMany({ where: { completedAt: null }, orderBy: { createdAt: 'asc' } });
const outage = ({ db }: TestServer) => db.prisma.mailOutage.findFirst();

/** Lets the next probe start now instead of in 15 s. */
const probeNow = ({ db }: TestServer) => db.prisma.mailOutage.updateMany({ data: { probeAt: new Date(0) } });

/** A mail server on a fixed port that fails in one way until it works. */
async function openFailingServer(fail: (socket: Socket) => void) {
  const working = await openSmtpServer({ allowInsecureAuth: true, onAuth: (_, __, done) => done(null, { user: 'user' }) });
  const { port: workingPort } = new URL(working.url);
  let isFailing = true;
  let connections = 0;
  const sockets = new Set<Socket>();
  const proxy = createServer((socket) => {
    sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)));
    connections += 1;
    if (isFailing) return fail(socket);
    const far = connect(Number(workingPort), '127.0.0.1');
    far.on('error', () => socket.destroy());
    socket.pipe(far).pipe(socket);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as { port: number };
  closings.push(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  return {
    url: `smtp://user:secret@127.0.0.1:${port}`,
    taken: working.taken,
    get connections() {
      return connections;
    },
    repair: () => {
      isFailing = false;
    },
  };
}
const closings: (() => void)[] = [];
afterEach(() => {
  for (const close of closings.splice(0)) close();
});

/** Replies to each command with the first reply whose pattern matches. */
const replying = (greeting: string, replies: [pattern: RegExp, reply: string][]) => (socket: Socket) => {
  socket.write(`${greeting}\r\n`);
  socket.on('data', (data) => {
    const reply = replies.find(([pattern]) => pattern.test(String(data)))?.[1] ?? '250 ok';
    socket.write(`${reply}\r\n`);
    if (reply.startsWith('421')) socket.end();
  });
};

const extensions: [RegExp, string] = [/^EHLO/i, '250-mail\r\n250 AUTH PLAIN'];
const accepted: [RegExp, string] = [/^AUTH/i, '235 ok'];

/** Ways in which a mail server fails, with the setting that the log names; null if it names none. */
const failures: Record<string, [fail: (socket: Socket) => void, setting: 'SMTP_URL' | 'MAIL_FROM' | null]> = {
  'closes every connection': [(socket) => socket.destroy(), 'SMTP_URL'],
  'greets with 421': [(socket) => socket.end('421 shutting down\r\n'), null],
  'greets with 554': [(socket) => socket.end('554 no service\r\n'), null],
  'rejects the login': [replying('220 mail', [extensions, [/^AUTH/i, '535 wrong password']]), 'SMTP_URL'],
  'rejects the sender permanently': [replying('220 mail', [extensions, accepted, [/^MAIL/i, '550 sender rejected']]), 'MAIL_FROM'],
  'rejects the sender for now': [replying('220 mail', [extensions, accepted, [/^MAIL/i, '452 no space']]), null],
};

describe('a mail server that accepts no email', { timeout: 60_000 }, () => {
  for (const [name, [fail, setting]] of Object.entries(failures))
    it(`and ${name} gets one email at a time until it works, then all of them`, async () => {
      const smtp = await openFailingServer(fail);
      const server = await startTestServer({ SMTP_URL: smtp.url });
      const users = [await server.user(), await server.user(), await server.user()];
      for (const user of users) await requestReset(server, user);
      const begun = await waitUntil(() => outage(server));
      expect(begun.probeAt.getTime() - begun.since.getTime()).toBeLessThanOrEqual(30_000);
      await waitUntil(async () => (await pending(server)).every(({ attempts }) => attempts === 0));
      const { connections } = smtp;
      await probeNow(server);
      await waitUntil(() => smtp.connections > connections);
      await waitUntil(async () => (await pending(server)).length === 3 && (await pending(server)).every(({ attempts }) => attempts === 0));
      expect(smtp.connections - connections).toBeLessThanOrEqual(2); // the email and, if its connection was lost, a check of the server
      smtp.repair();
      await probeNow(server);
      await expect.poll(() => smtp.taken.length, { timeout: 30_000 }).toBe(3);
      expect(await outage(server)).toBeNull();
      const logged = server.log.flatMap((line) => (line.includes('sys_mail_unavailable') ? [JSON.parse(line)] : []));
      expect(logged).toMatchObject([{ level: 'error', ...(setting && { setting }) }]);
      expect('setting' in logged[0]).toBe(setting !== null);
      expect(server.log.join('')).not.toMatch(/secret/);
    });
});

describe('a reset link that was requested during an outage', () => {
  it('is not sent if the access of the user was reset before it could be', { timeout: 60_000 }, async () => {
    const smtp = await openFailingServer((socket) => socket.destroy());
    const server = await startTestServer({ SMTP_URL: smtp.url });
    const [admin, alice, bob] = [await server.user('SUPERADMIN'), await server.user(), await server.user()];
    await requestReset(server, bob);
    await waitUntil(() => outage(server));
    await requestReset(server, alice);
    await admin.query('mutation ($id: ID!) { resetUserAccess(input: { id: $id }) { ended } }', { id: alice.id });
    smtp.repair();
    await probeNow(server);
    await expect.poll(async () => (await pending(server)).length, { timeout: 30_000 }).toBe(0);
    const withLink = smtp.taken.filter(({ raw }) => raw.replaceAll('=\r\n', '').includes('fgl_'));
    expect(withLink.map(({ to }) => to)).toEqual([[bob.email]]);
  });
});

describe('a probe whose email is not sent', () => {
  it('is followed by the next one at once, until an email reaches the mail server', { timeout: 60_000 }, async () => {
    const smtp = await openFailingServer((socket) => socket.destroy());
    const server = await startTestServer({ SMTP_URL: smtp.url });
    const user = await server.user();
    await requestReset(server, user);
    await waitUntil(() => outage(server));
    await waitUntil(async () => (await pending(server)).every(({ attempts }) => attempts === 0));
    const queued = { template: 'passwordReset', data: { network: 'x', agent: null }, dueAt: new Date(0) }; // before the email of the user
    const closed = await server.user();
    await server.db.prisma.user.update({ where: { id: closed.uuid }, data: { deletedAt: new Date() } });
    for (let round = 0; round < 10; round += 1) {
      await server.db.prisma.outboxEmail.create({ data: { ...queued, emailKey: `nobody-${round}@example.com` } });
      await server.db.prisma.outboxEmail.create({ data: { ...queued, emailKey: user.email, createdAt: new Date(0) } });
      await server.db.prisma.outboxEmail.create({ data: { ...queued, userId: closed.uuid } });
      await server.db.prisma.outboxEmail.create({
        data: { ...queued, emailKey: user.email, template: 'newLogin', data: { network: 'x', agent: 5 } },
      });
    }
    smtp.repair();
    await probeNow(server);
    await expect.poll(() => smtp.taken.length, { timeout: 30_000 }).toBe(1);
    expect(await outage(server)).toBeNull();
    expect((await pending(server)).length).toBe(10); // those that cannot be written are tried again
  });
});

describe('an email that the mail server rejects', () => {
  const rejections: [name: string, code: number, outcome: string | null][] = [
    ['permanently', 550, 'rejected'],
    ['for now', 451, null],
    ['without a login', 530, null],
    ['by closing the connection', 421, null],
  ];
  for (const [name, responseCode, outcome] of rejections)
    it(`${name} does not hold the others`, async () => {
      let refused = '';
      const smtp = await openSmtpServer({
        onRcptTo: ({ address }, _, done) => done(address === refused ? Object.assign(new Error('No'), { responseCode }) : null),
      });
      const server = await startTestServer({ SMTP_URL: smtp.url });
      const [bad, good] = [await server.user(), await server.user()];
      refused = bad.email;
      await requestReset(server, bad);
      const row = await waitUntil(() =>
        server.db.prisma.outboxEmail.findFirst({ where: { attempts: 1, OR: [{ error: { not: null } }, { outcome }] } }),
      );
      expect([row.outcome, await outage(server)]).toEqual([outcome, null]);
      if (!outcome) expect(row.dueAt.getTime() - row.createdAt.getTime()).toBeLessThan(70_000); // within a minute while it is new
      await requestReset(server, good);
      await waitUntil(() => smtp.taken.length === 1);
    });
});

describe('an email that waited for too long', () => {
  it('is not sent if its link would have expired, and this is recorded', async () => {
    const smtp = await openSmtpServer();
    const server = await startTestServer({ SMTP_URL: smtp.url });
    const [late, inTime] = [await server.user(), await server.user()];
    const queued = { template: 'passwordReset', data: { network: 'x', agent: null } };
    const { id } = await server.db.prisma.outboxEmail.create({
      data: { ...queued, emailKey: late.email, createdAt: new Date(Date.now() - 24 * 3_600_000) },
    });
    await server.db.prisma.outboxEmail.create({ data: { ...queued, emailKey: inTime.email } });
    const row = () => server.db.prisma.outboxEmail.findUniqueOrThrow({ where: { id } });
    await waitUntil(async () => (await row()).outcome);
    expect(await row()).toMatchObject({ outcome: 'expired', data: null });
    await waitUntil(() => smtp.taken.length === 1);
    expect(await server.db.prisma.emailLink.count({ where: { id } })).toBe(0);
  });

  it('is not sent if its invitation has expired', async () => {
    const smtp = await openSmtpServer();
    const server = await startTestServer({ SMTP_URL: smtp.url });
    const admin = await server.user('SUPERADMIN');
    const { id: roleId } = await server.db.prisma.role.findUniqueOrThrow({ where: { name: 'USER' } });
    const email = 'late@example.com';
    const invitation = { email, emailKey: email, roleId, invitedById: admin.uuid, expiresAt: new Date(Date.now() - 1_000) };
    const { id: invitationId } = await server.db.prisma.invitation.create({ data: invitation });
    const { id } = await server.db.prisma.outboxEmail.create({ data: { template: 'invitation', invitationId, data: {} } });
    const outcome = await waitUntil(async () => (await server.db.prisma.outboxEmail.findUniqueOrThrow({ where: { id } })).outcome);
    expect([outcome, smtp.taken]).toEqual([expect.stringMatching(/^(?:expired|obsolete)$/), []]);
  });

  it('is sent after those that someone waits for if it is only a notice', async () => {
    const smtp = await openFailingServer((socket) => socket.destroy());
    const server = await startTestServer({ SMTP_URL: smtp.url });
    const notices = await Promise.all(Array.from({ length: 12 }, () => server.user()));
    for (const { uuid } of notices)
      await server.db.prisma.outboxEmail.create({
        data: { template: 'passwordChanged', userId: uuid, data: { network: 'x', agent: null } },
      });
    const waiting = await server.user();
    await requestReset(server, waiting);
    await waitUntil(() => outage(server));
    await waitUntil(async () => (await pending(server)).every(({ attempts }) => attempts === 0));
    smtp.repair();
    await probeNow(server);
    await expect.poll(() => smtp.taken.length, { timeout: 30_000 }).toBe(13);
    const order = smtp.taken.map(({ to }) => to[0]);
    expect(order.indexOf(waiting.email)).toBeLessThan(11); // among the probe and the first ten
  });
});
