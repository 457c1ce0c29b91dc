import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { openSmtpServer } from '../mail/smtp-server.ts';
import { isEmbedded } from '../test-database.ts';
import { waitUntil } from '../test-server.ts';
import { type Node, startNodes } from './nodes.ts';

let isReady = true;
const smtp = await openSmtpServer({}, () => (isReady ? Promise.resolve() : new Promise(() => {})));
const cluster = isEmbedded ? undefined : await startNodes(2, { SMTP_URL: smtp.url });
const [one] = (cluster?.nodes ?? []) as [Node, Node];
afterAll(() => cluster?.leave());

const request = 'mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ok } }';

/** Creates a user who can receive email. */
async function createUser(): Promise<string> {
  const email = `${randomUUID()}@example.com`;
  await cluster?.db.prisma.user.create({ data: { email, emailKey: email } });
  return email;
}

const requestReset = (node: Node | undefined, email: string) => node?.query(request, { input: { email } });
const mailOf = (emailKey: string) => cluster?.db.prisma.outboxEmail.findFirst({ where: { emailKey } });
const makeDue = (emailKey: string) => cluster?.db.prisma.outboxEmail.updateMany({ where: { emailKey }, data: { dueAt: new Date() } });
const sent = (email: string) => waitUntil(async () => (await mailOf(email))?.outcome === 'sent');
const timesTaken = (email: string) => smtp.taken.filter(({ to }) => to[0] === email).length;

describe.skipIf(!cluster)('emails of two servers on one database (needs a PostgreSQL server)', { timeout: 30_000 }, () => {
  it('are sent exactly once', async () => {
    const people = await Promise.all(Array.from({ length: 30 }, createUser));
    await Promise.all(people.map((email, index) => requestReset(cluster?.nodes[index % 2], email)));
    for (const email of people) await sent(email);
    expect(people.map(timesTaken)).toEqual(people.map(() => 1));
  });

  it('are sent by another server when theirs is killed between the commit and the delivery', async () => {
    const [killedNode, email] = [await cluster?.start(), await createUser()];
    await cluster?.db.query(sql`
      create function later() returns trigger language plpgsql as $$ begin new."dueAt" = now() + interval '1 hour'; return new; end $$`);
    await cluster?.db.query(sql`create trigger later before insert on "OutboxEmail" for each row execute function later()`);
    expect((await requestReset(killedNode, email))?.code).toBeUndefined();
    await killedNode?.kill();
    await cluster?.db.query(sql`drop trigger later on "OutboxEmail"`);
    expect((await mailOf(email))?.attempts).toBe(0);
    await makeDue(email);
    await sent(email);
    expect(timesTaken(email)).toBe(1);
  });

  it('are sent by another server when theirs is killed during the delivery', async () => {
    const email = await createUser();
    isReady = false;
    await requestReset(one, email);
    await waitUntil(async () => (await mailOf(email))?.attempts);
    for (const node of cluster?.nodes ?? []) await node.kill();
    isReady = true;
    await cluster?.start();
    expect((await mailOf(email))?.outcome).toBeNull();
    await makeDue(email);
    await sent(email);
    expect(timesTaken(email)).toBe(1);
  });
});
