import { describe, expect, it } from 'vitest';
import { open, type Person, until, type World } from '../test-server.ts';
import { openLine, openSmtpServer } from './smtp-server.ts';

const request = 'mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ok } }';

const ask = async (world: World, { email }: Person) => (await world.send(request, { input: { email } })).code;
const mailOf = ({ db }: World, { email: emailKey }: Person) => db.prisma.mail.findFirst({ where: { letter: 'passwordReset', emailKey } });

/** What became of the letter, as soon as something did. */
const outcomeOf = (world: World, to: Person) => until(async () => (await mailOf(world, to))?.outcome);

/** Waits until the letter was tried so many times, and not taken: it waits for its next turn. */
async function putOff(world: World, to: Person, attempts: number) {
  const mail = await until(async () => {
    const found = await mailOf(world, to);
    return found?.error && found.attempts === attempts ? found : undefined;
  });
  expect([mail.outcome, mail.dueAt.getTime() > Date.now()]).toEqual([null, true]);
}

const makeDue = ({ db }: World, { email: emailKey }: Person, attempts?: number) =>
  db.prisma.mail.updateMany({ where: { emailKey }, data: { dueAt: new Date(), error: null, attempts } });

const messageId = (raw: string) => /^Message-ID: (\S+)/im.exec(raw)?.[1];
/** The token in a letter as it was sent: quoted-printable breaks it over lines. */
const token = (raw: string) => /fgl_[\w-]{43}/.exec(raw.replaceAll('=\r\n', ''))?.[0];

describe('the outbox', () => {
  it('sends the others, and answers, while the mail server is slow with one', async () => {
    const { promise: readily, resolve } = Promise.withResolvers<void>();
    let slow = '';
    const smtp = await openSmtpServer({}, (to) => (to === slow ? readily : Promise.resolve()));
    const world = await open({ SMTP_URL: smtp.url });
    const [first, second, third] = [await world.user(), await world.user(), await world.user()];
    slow = first.email;
    expect(await ask(world, first)).toBeUndefined();
    await until(async () => (await mailOf(world, first))?.attempts);
    expect([await ask(world, second), await ask(world, third)]).toEqual([undefined, undefined]);
    expect([await outcomeOf(world, second), await outcomeOf(world, third)]).toEqual(['sent', 'sent']);
    expect((await mailOf(world, first))?.outcome).toBeNull();
    resolve();
    expect(await outcomeOf(world, first)).toBe('sent');
  });

  it('does not try again what is refused for good, and forgets what it told', async () => {
    let refused = '';
    const smtp = await openSmtpServer({
      onRcptTo: ({ address }, _, done) =>
        done(address === refused ? Object.assign(new Error('No such mailbox'), { responseCode: 550 }) : null),
    });
    const world = await open({ SMTP_URL: smtp.url });
    const [gone, there] = [await world.user(), await world.user()];
    refused = gone.email;
    await ask(world, gone);
    await ask(world, there);
    expect([await outcomeOf(world, gone), await outcomeOf(world, there)]).toEqual(['refused', 'sent']);
    expect(smtp.taken.map(({ to }) => to)).toEqual([[there.email]]);
    for (const person of [gone, there]) expect(await mailOf(world, person)).toMatchObject({ attempts: 1, facts: null, shown: null });
  });

  it('tries again later what is put off, and gives up after a day', async () => {
    let busy = true;
    const smtp = await openSmtpServer({
      onRcptTo: (_, __, done) => done(busy ? Object.assign(new Error('Try again later'), { responseCode: 451 }) : null),
    });
    const world = await open({ SMTP_URL: smtp.url });
    const [early, late] = [await world.user(), await world.user()];
    await ask(world, early);
    await putOff(world, early, 1);
    await makeDue(world, early);
    await putOff(world, early, 2);
    await ask(world, late);
    await putOff(world, late, 1);
    await makeDue(world, late, 29);
    expect(await outcomeOf(world, late)).toBe('given up');
    busy = false;
    await makeDue(world, early);
    expect([await outcomeOf(world, early), smtp.taken.map(({ to }) => to)]).toEqual(['sent', [[early.email]]]);
    expect((await mailOf(world, late))?.facts).toBeNull();
  });

  it('sends once more what may have been lost, with the same Message-ID and the same link', async () => {
    const smtp = await openSmtpServer();
    const line = await openLine(smtp.url);
    const world = await open({ SMTP_URL: line.url });
    const alice = await world.user();
    line.cutAt = /queued/; // the letter was taken, and nobody heard it
    await ask(world, alice);
    await putOff(world, alice, 1);
    line.cutAt = /^354/m; // the mail server was about to read it
    await makeDue(world, alice);
    await putOff(world, alice, 2);
    line.cutAt = /$^/;
    await makeDue(world, alice);
    expect(await outcomeOf(world, alice)).toBe('sent');
    const [first, last] = smtp.taken.map(({ raw }) => [messageId(raw), token(raw)]);
    expect([smtp.taken.length, first, last?.every(Boolean)]).toEqual([2, last, true]);
  });

  it('sends nothing for what was rolled back', async () => {
    const smtp = await openSmtpServer();
    const world = await open({ SMTP_URL: smtp.url });
    const { prisma } = world.db;
    const [alice, bob] = [await world.user(), await world.user()];
    await prisma.$executeRaw`create function refuse() returns trigger language plpgsql as $$ begin raise 'not now'; end $$`;
    await prisma.$executeRaw`
      create constraint trigger refuse after insert on "Mail" deferrable initially deferred for each row execute function refuse()`;
    expect(await ask(world, alice)).toBe('INTERNAL');
    await prisma.$executeRaw`drop trigger refuse on "Mail"`;
    await ask(world, bob);
    expect(await outcomeOf(world, bob)).toBe('sent');
    expect(smtp.taken.map(({ to }) => to)).toEqual([[bob.email]]);
  });
});
