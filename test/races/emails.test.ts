import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, waitUntil } from '../test-server.ts';
import { lockUser, openHolder } from './hold.ts';

const request = 'mutation ($email: String!) { requestPasswordReset(input: { email: $email }) { ok } }';

/** What may happen between the start of a delivery and the creation of the link in the email. `$1` is the id of the user. */
const changes = {
  'the email has been dropped': `update "OutboxEmail" set "completedAt" = now(), outcome = 'obsolete', data = null
    where "emailKey" = (select "emailKey" from "User" where id = $1)`,
  'the account has been disabled': 'update "User" set enabled = false where id = $1',
  'the address has changed': `update "User" set email = 'new@example.com', "emailKey" = 'new@example.com' where id = $1`,
};

/** The embedded database has one connection, so no request is ever between two statements of another one. */
describe.skipIf(isEmbedded)('an email that is being sent', async () => {
  const server = await startTestServer();
  const { prisma } = server.db;
  const holder = await openHolder(server);
  afterEach(() => holder.release());
  afterAll(() => holder.close());

  it.each(Object.entries(changes))('contains no link if %s meanwhile', async (_, change) => {
    const { uuid, email } = await server.user();
    const pending = { emailKey: email, completedAt: null };
    const send = async () => {
      await server.query(request, { email });
      await waitUntil(async () => (await prisma.outboxEmail.count({ where: pending })) === 0);
    };
    await holder.changeDuring(lockUser(uuid), send, [change, [uuid]]);
    await holder.begin(lockUser(uuid)); // after the transaction of the delivery
    expect(await prisma.emailLink.count({ where: { userId: uuid } })).toBe(0);
  });
});
