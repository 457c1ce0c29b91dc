import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { emailTo, invitationEmailTo } from '../mail/emails.ts';
import { openHolder, type Statement } from '../races/hold.ts';
import { isEmbedded } from '../test-database.ts';
import { type QueryResult, startTestServer, type TestUser, waitUntil } from '../test-server.ts';
import { changeEmail, newEmail, requestChange } from './email-change.ts';

const server = await startTestServer();
const { prisma } = server.db;
const password = 'nine amber foxes fold a paper crane';

/** Runs statements in a transaction that it commits when the request waits for it. Returns the response. */
async function commitDuring(statements: readonly Statement[], send: () => Promise<QueryResult<unknown>>) {
  const holder = await openHolder(server);
  await holder.begin(...statements);
  const response = send();
  await waitUntil(async () => (await holder.waiting()) > 0);
  await holder.commit();
  await holder.close();
  return response;
}

const mutate = (caller: Pick<TestUser, 'query'>, name: string, input: object, fields: string) => {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  return caller.query(`mutation ($input: ${type}!) { ${name}(input: $input) { ${fields} } }`, { input });
};
const anonymous: Pick<TestUser, 'query'> = { query: (document, variables) => server.query(document, variables) };

async function tokenOf(alice: TestUser, mutation: string, template: string) {
  await mutate(anonymous, mutation, { email: alice.email }, 'ok');
  return (await emailTo(server, alice.uuid, template)).token;
}

/** Each operation that confirms an address and with it assigns the username that was requested at registration. */
const confirmations: Record<string, (alice: TestUser) => Promise<() => Promise<QueryResult<unknown>>>> = {
  confirmEmail: async (alice) => {
    const token = await tokenOf(alice, 'resendConfirmation', 'emailConfirmation');
    return () => mutate(anonymous, 'confirmEmail', { token, password: alice.password }, 'passwordKept');
  },
  resetPassword: async (alice) => {
    const token = await tokenOf(alice, 'requestPasswordReset', 'passwordReset');
    return () => mutate(anonymous, 'resetPassword', { token, newPassword: password }, 'ok');
  },
  confirmEmailChange: async (alice) => {
    const { token } = await requestChange(server, alice);
    return () => mutate(alice, 'confirmEmailChange', { token }, 'ended');
  },
  undoEmailChange: async (alice) => {
    await prisma.user.update({ where: { id: alice.uuid }, data: { emailConfirmedAt: new Date() } });
    const { token } = await changeEmail(server, alice);
    await prisma.user.update({ where: { id: alice.uuid }, data: { emailConfirmedAt: null, usernameKey: null } });
    return () => mutate(anonymous, 'undoEmailChange', { token }, 'ok');
  },
  acceptInvitation: async (alice) => {
    const inviter = await server.user('SUPERADMIN');
    await mutate(inviter, 'inviteUser', { email: alice.email, role: 'USER' }, 'invitation { id }');
    const { token } = await invitationEmailTo(server, alice.email);
    return () => mutate(alice, 'acceptInvitation', { token }, 'made');
  },
};

/** The embedded database has one connection, so nothing can be committed during a request. */
describe.skipIf(isEmbedded)('a name that another transaction takes during the request', { timeout: 30_000 }, () => {
  for (const [name, prepare] of Object.entries(confirmations))
    it(`does not fail ${name}, which leaves the account without the username`, async () => {
      const [alice, bob, username] = [await server.user(), await server.user(), `a${randomUUID().slice(0, 12)}`];
      await prisma.user.update({ where: { id: alice.uuid }, data: { emailConfirmedAt: null, username } });
      const confirm = await prepare(alice);
      const take = [`update "User" set "usernameKey" = $1 where id = $2`, [username, bob.uuid]] as const;
      expect((await commitDuring([take], confirm)).code).toBeUndefined();
      const { emailConfirmedAt, usernameKey } = await prisma.user.findUniqueOrThrow({ where: { id: alice.uuid } });
      expect([emailConfirmedAt !== null, usernameKey]).toEqual([true, null]);
    });

  it('makes register and createUser return TAKEN if it is a former address of the other account', async () => {
    const admin = await server.user('SUPERADMIN');
    const creations = [
      (email: string) => mutate(anonymous, 'register', { email, password }, 'confirmationRequired'),
      (email: string) => mutate(admin, 'createUser', { email }, 'user { id }'),
    ];
    for (const create of creations) {
      const { uuid, email } = await server.user();
      const move = [`update "User" set email = $1, "emailKey" = $1 where id = $2`, [newEmail(), uuid]] as const;
      const reserve = [
        `insert into "ReservedEmail" (email, "emailKey", "userId", "expiresAt") values ($1, $1, $2, now() + interval '1 h')`,
        [email, uuid],
      ] as const;
      expect(await commitDuring([move, reserve], () => create(email))).toMatchObject({
        code: 'TAKEN',
        errors: [{ extensions: { fields: { email: expect.any(Array) } } }],
      });
    }
  });

  it('makes undoEmailChange return INVALID_TOKEN if it is the former address', async () => {
    const [alice, bob] = [await server.user(), await server.user()];
    const { token } = await changeEmail(server, alice);
    const withoutTriggers = ['set local session_replication_role = replica', []] as const; // as if the reservation had just ended
    const take = [`update "User" set email = $1, "emailKey" = $1 where id = $2`, [alice.email, bob.uuid]] as const;
    const undo = () => mutate(anonymous, 'undoEmailChange', { token }, 'ok');
    expect((await commitDuring([withoutTriggers, take], undo)).code).toBe('INVALID_TOKEN');
  });
});
