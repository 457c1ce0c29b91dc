import { describe, expect, it } from 'vitest';
import { startTestServer, type TestServer, type TestUser, waitUntil } from '../test-server.ts';
import { openProxy, openSmtpServer } from './smtp-server.ts';

const request = 'mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ok } }';

const requestReset = async (server: TestServer, { email }: TestUser) => (await server.query(request, { input: { email } })).code;
const mailOf = ({ db }: TestServer, { email: emailKey }: TestUser) =>
  db.prisma.outboxEmail.findFirst({ where: { template: 'passwordReset', emailKey } });

/** The outcome of the email, once it has one. */
const outcomeOf = (server: TestServer, to: TestUser) => waitUntil(async () => (await mailOf(server, to))?.outcome);

/** Waits until the email has failed this many times and is scheduled for a retry. */
async function waitForRetry(server: TestServer, to: TestUser, attempts: number) {
  const mail = await waitUntil(async () => {
    const found = await mailOf(server, to);
    return found?.error && found.attempts === attempts ? found : undefined;
  });
  expect([mail.outcome, mail.dueAt.getTime() > Date.now()]).toEqual([null, true]);
}

const makeDue = ({ db }: TestServer, { email: emailKey }: TestUser, attempts?: number) =>
  db.prisma.outboxEmail.updateMany({ where: { emailKey }, data: { dueAt: new Date(), error: null, attempts } });

const messageId = (raw: string) => /^Message-ID: (\S+)/im.exec(raw)?.[1];
/** The token in a sent email. Quoted-printable encoding breaks it over lines. */
const token = (raw: string) => /fgl_[\w-]{43}/.exec(raw.replaceAll('=\r\n', ''))?.[0];

describe('the outbox', () => {
  it('sends other emails and keeps responding while the mail server is slow with one', async () => {
    const { promise: readily, resolve } = Promise.withResolvers<void>();
    let slow = '';
    const smtp = await openSmtpServer({}, (to) => (to === slow ? readily : Promise.resolve()));
    const server = await startTestServer({ SMTP_URL: smtp.url });
    const [first, second, third] = [await server.user(), await server.user(), await server.user()];
    slow = first.email;
    expect(await requestReset(server, first)).toBeUndefined();
    await waitUntil(async () => (await mailOf(server, first))?.attempts);
    expect([await requestReset(server, second), await requestReset(server, third)]).toEqual([undefined, undefined]);
    expect([await outcomeOf(server, second), await outcomeOf(server, third)]).toEqual(['sent', 'sent']);
    expect((await mailOf(server, first))?.outcome).toBeNull();
    resolve();
    expect(await outcomeOf(server, first)).toBe('sent');
  });

  it('does not retry a permanent failure and deletes the template data', async () => {
    let refused = '';
    const smtp = await openSmtpServer({
      onRcptTo: ({ address }, _, done) =>
        done(address === refused ? Object.assign(new Error('No such mailbox'), { responseCode: 550 }) : null),
    });
    const server = await startTestServer({ SMTP_URL: smtp.url });
    const [gone, there] = [await server.user(), await server.user()];
    refused = gone.email;
    await requestReset(server, gone);
    await requestReset(server, there);
    expect([await outcomeOf(server, gone), await outcomeOf(server, there)]).toEqual(['rejected', 'sent']);
    expect(smtp.taken.map(({ to }) => to)).toEqual([[there.email]]);
    for (const person of [gone, there]) expect(await mailOf(server, person)).toMatchObject({ attempts: 1, data: null, preview: null });
  });

  it('retries a temporary failure and gives up after a day', async () => {
    let busy = true;
    const smtp = await openSmtpServer({
      onRcptTo: (_, __, done) => done(busy ? Object.assign(new Error('Try again later'), { responseCode: 451 }) : null),
    });
    const server = await startTestServer({ SMTP_URL: smtp.url });
    const [early, late] = [await server.user(), await server.user()];
    await requestReset(server, early);
    await waitForRetry(server, early, 1);
    await makeDue(server, early);
    await waitForRetry(server, early, 2);
    await requestReset(server, late);
    await waitForRetry(server, late, 1);
    await makeDue(server, late, 29);
    expect(await outcomeOf(server, late)).toBe('failed');
    busy = false;
    await makeDue(server, early);
    expect([await outcomeOf(server, early), smtp.taken.map(({ to }) => to)]).toEqual(['sent', [[early.email]]]);
    expect((await mailOf(server, late))?.data).toBeNull();
  });

  it('resends an email that may have been lost with the same Message-ID and link', async () => {
    const smtp = await openSmtpServer();
    const line = await openProxy(smtp.url);
    const server = await startTestServer({ SMTP_URL: line.url });
    const alice = await server.user();
    line.cutAt = /queued/; // accepted, but the reply is lost
    await requestReset(server, alice);
    await waitForRetry(server, alice, 1);
    line.cutAt = /^354/m; // cut before the content is sent
    await makeDue(server, alice);
    await waitForRetry(server, alice, 2);
    line.cutAt = /$^/;
    await makeDue(server, alice);
    expect(await outcomeOf(server, alice)).toBe('sent');
    const [first, last] = smtp.taken.map(({ raw }) => [messageId(raw), token(raw)]);
    expect([smtp.taken.length, first, last?.every(Boolean)]).toEqual([2, last, true]);
  });

  it('sends nothing for a transaction that was rolled back', async () => {
    const smtp = await openSmtpServer();
    const server = await startTestServer({ SMTP_URL: smtp.url });
    const { prisma } = server.db;
    const [alice, bob] = [await server.user(), await server.user()];
    await prisma.$executeRaw`create function fail() returns trigger language plpgsql as $$ begin raise 'full' using errcode = 'disk_full'; end $$`;
    await prisma.$executeRaw`
      create constraint trigger failing after insert on "OutboxEmail" deferrable initially deferred for each row execute function fail()`;
    expect(await requestReset(server, alice)).toBe('UNAVAILABLE');
    await prisma.$executeRaw`drop trigger failing on "OutboxEmail"`;
    await requestReset(server, bob);
    expect(await outcomeOf(server, bob)).toBe('sent');
    expect(smtp.taken.map(({ to }) => to)).toEqual([[bob.email]]);
  });
});
