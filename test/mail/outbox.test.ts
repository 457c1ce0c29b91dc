import { describe, expect, it } from 'vitest';
import { startTestServer, type TestServer, type TestUser, waitUntil } from '../test-server.ts';
import { openLine, openSmtpServer } from './smtp-server.ts';

const request = 'mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ok } }';

const ask = async (server: TestServer, { email }: TestUser) => (await server.query(request, { input: { email } })).code;
const mailOf = ({ db }: TestServer, { email: emailKey }: TestUser) =>
  db.prisma.mail.findFirst({ where: { letter: 'passwordReset', emailKey } });

/** What became of the letter, as soon as something did. */
const outcomeOf = (server: TestServer, to: TestUser) => waitUntil(async () => (await mailOf(server, to))?.outcome);

/** Waits until the letter was tried so many times, and not taken: it waits for its next turn. */
async function putOff(server: TestServer, to: TestUser, attempts: number) {
  const mail = await waitUntil(async () => {
    const found = await mailOf(server, to);
    return found?.error && found.attempts === attempts ? found : undefined;
  });
  expect([mail.outcome, mail.dueAt.getTime() > Date.now()]).toEqual([null, true]);
}

const makeDue = ({ db }: TestServer, { email: emailKey }: TestUser, attempts?: number) =>
  db.prisma.mail.updateMany({ where: { emailKey }, data: { dueAt: new Date(), error: null, attempts } });

const messageId = (raw: string) => /^Message-ID: (\S+)/im.exec(raw)?.[1];
/** The token in a letter as it was sent: quoted-printable breaks it over lines. */
const token = (raw: string) => /fgl_[\w-]{43}/.exec(raw.replaceAll('=\r\n', ''))?.[0];

describe('the outbox', () => {
  it('sends the others, and answers, while the mail server is slow with one', async () => {
    const { promise: readily, resolve } = Promise.withResolvers<void>();
    let slow = '';
    const smtp = await openSmtpServer({}, (to) => (to === slow ? readily : Promise.resolve()));
    const server = await startTestServer({ SMTP_URL: smtp.url });
    const [first, second, third] = [await server.user(), await server.user(), await server.user()];
    slow = first.email;
    expect(await ask(server, first)).toBeUndefined();
    await waitUntil(async () => (await mailOf(server, first))?.attempts);
    expect([await ask(server, second), await ask(server, third)]).toEqual([undefined, undefined]);
    expect([await outcomeOf(server, second), await outcomeOf(server, third)]).toEqual(['sent', 'sent']);
    expect((await mailOf(server, first))?.outcome).toBeNull();
    resolve();
    expect(await outcomeOf(server, first)).toBe('sent');
  });

  it('does not try again what is refused for good, and forgets what it told', async () => {
    let refused = '';
    const smtp = await openSmtpServer({
      onRcptTo: ({ address }, _, done) =>
        done(address === refused ? Object.assign(new Error('No such mailbox'), { responseCode: 550 }) : null),
    });
    const server = await startTestServer({ SMTP_URL: smtp.url });
    const [gone, there] = [await server.user(), await server.user()];
    refused = gone.email;
    await ask(server, gone);
    await ask(server, there);
    expect([await outcomeOf(server, gone), await outcomeOf(server, there)]).toEqual(['refused', 'sent']);
    expect(smtp.taken.map(({ to }) => to)).toEqual([[there.email]]);
    for (const person of [gone, there]) expect(await mailOf(server, person)).toMatchObject({ attempts: 1, facts: null, shown: null });
  });

  it('tries again later what is put off, and gives up after a day', async () => {
    let busy = true;
    const smtp = await openSmtpServer({
      onRcptTo: (_, __, done) => done(busy ? Object.assign(new Error('Try again later'), { responseCode: 451 }) : null),
    });
    const server = await startTestServer({ SMTP_URL: smtp.url });
    const [early, late] = [await server.user(), await server.user()];
    await ask(server, early);
    await putOff(server, early, 1);
    await makeDue(server, early);
    await putOff(server, early, 2);
    await ask(server, late);
    await putOff(server, late, 1);
    await makeDue(server, late, 29);
    expect(await outcomeOf(server, late)).toBe('given up');
    busy = false;
    await makeDue(server, early);
    expect([await outcomeOf(server, early), smtp.taken.map(({ to }) => to)]).toEqual(['sent', [[early.email]]]);
    expect((await mailOf(server, late))?.facts).toBeNull();
  });

  it('sends once more what may have been lost, with the same Message-ID and the same link', async () => {
    const smtp = await openSmtpServer();
    const line = await openLine(smtp.url);
    const server = await startTestServer({ SMTP_URL: line.url });
    const alice = await server.user();
    line.cutAt = /queued/; // the letter was taken, and nobody heard it
    await ask(server, alice);
    await putOff(server, alice, 1);
    line.cutAt = /^354/m; // the mail server was about to read it
    await makeDue(server, alice);
    await putOff(server, alice, 2);
    line.cutAt = /$^/;
    await makeDue(server, alice);
    expect(await outcomeOf(server, alice)).toBe('sent');
    const [first, last] = smtp.taken.map(({ raw }) => [messageId(raw), token(raw)]);
    expect([smtp.taken.length, first, last?.every(Boolean)]).toEqual([2, last, true]);
  });

  it('sends nothing for what was rolled back', async () => {
    const smtp = await openSmtpServer();
    const server = await startTestServer({ SMTP_URL: smtp.url });
    const { prisma } = server.db;
    const [alice, bob] = [await server.user(), await server.user()];
    await prisma.$executeRaw`create function refuse() returns trigger language plpgsql as $$ begin raise 'not now'; end $$`;
    await prisma.$executeRaw`
      create constraint trigger refuse after insert on "Mail" deferrable initially deferred for each row execute function refuse()`;
    expect(await ask(server, alice)).toBe('INTERNAL');
    await prisma.$executeRaw`drop trigger refuse on "Mail"`;
    await ask(server, bob);
    expect(await outcomeOf(server, bob)).toBe('sent');
    expect(smtp.taken.map(({ to }) => to)).toEqual([[bob.email]]);
  });
});
