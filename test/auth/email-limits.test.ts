import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { emailTo } from '../mail/emails.ts';
import { type QueryResult, startTestServer, type TestUser, uniqueAddress } from '../test-server.ts';
import { newEmail, requestMutation } from './email-change.ts';

const server = await startTestServer();
await server.domain('north');

const byAddress = {
  requestPasswordReset: 'mutation ($email: String!) { requestPasswordReset(input: { email: $email }) { ok } }',
  recoverUsername: 'mutation ($email: String!) { recoverUsername(input: { email: $email }) { ok } }',
  resendConfirmation: 'mutation ($email: String!) { resendConfirmation(input: { email: $email }) { ok } }',
};
const invite =
  'mutation ($email: String!) { inviteUser(input: { email: $email, role: "USER", domain: "north" }) { invitation { email } } }';

const retryAfter = ({ headers }: QueryResult<unknown>) => Number(headers.get('retry-after'));
const request = (email: string, address = uniqueAddress(), document = byAddress.requestPasswordReset) =>
  server.query(document, { email }, { address });

async function codes(count: number, send: () => Promise<{ code: string | undefined }>) {
  const found: (string | undefined)[] = [];
  for (let times = 0; times < count; times += 1) found.push((await send()).code);
  return found;
}
const accepted = (found: (string | undefined)[]) => found.filter((code) => code === undefined).length;
const startNewHour = () =>
  server.db.query(sql`update "RateLimit" set "expiresAt" = now() where key like 'emailByRequester:%' or key like 'emailByNetwork:%'`);

/** As many emails from other networks as all networks together may cause without a wait. */
const useUp = (email: string) => codes(20, () => request(email));

describe('the emails to one address', () => {
  for (const [name, document] of Object.entries(byAddress))
    it(`by ${name} that one network has used up leave as many to every other network`, async () => {
      const [{ email }, attacker] = [await server.user(), uniqueAddress()];
      expect(accepted(await codes(5, () => request(email, attacker, document)))).toBe(3);
      expect(accepted(await codes(4, () => request(email, uniqueAddress(), document)))).toBe(4);
      const owner = uniqueAddress();
      expect(accepted(await codes(4, () => request(email, owner, document)))).toBe(3);
    });

  it('are 3 in an hour and 5 from one network, and then one after each wait of 1, 2 and 4 hours, which makes no other network wait', async () => {
    const [{ email }, attacker] = [await server.user(), uniqueAddress()];
    const first = await codes(4, () => request(email, attacker));
    await startNewHour();
    expect(accepted([...first, ...(await codes(4, () => request(email, attacker)))])).toBe(5);
    const waits: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      await startNewHour();
      waits.push(Math.ceil(retryAfter(await request(email, attacker)) / 3_600));
      await server.db.query(sql`update "RateLimit" set "blockedUntil" = now() where key like 'emailByRequesterDaily:%'`);
      await startNewHour();
      expect((await request(email, attacker)).code).toBeUndefined();
    }
    expect(waits).toEqual([1, 2, 4, 4, 4, 4]); // 25 hours
    expect(accepted(await codes(9, () => request(email)))).toBe(9);
  });

  it('are 20 from all networks together, and then one after each wait of 1, 2, 4 … minutes, at most 30', async () => {
    const { email } = await server.user();
    expect(accepted(await useUp(email))).toBe(20);
    const waits: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      const limited = await request(email);
      expect(limited).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
      waits.push(Math.ceil(retryAfter(limited) / 60));
      await server.db.query(sql`update "RateLimit" set "blockedUntil" = now() where "blockedUntil" is not null`);
      expect((await request(email)).code).toBeUndefined();
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30, 30]);
  });

  it('have the same limits if it has no account', async () => {
    const [known, unknown] = [(await server.user()).email, newEmail()];
    for (const email of [known, unknown]) expect(accepted(await useUp(email))).toBe(20);
    const [one, other] = [await request(known), await request(unknown)];
    expect([other.status, other.data, other.errors, [...other.headers.keys()]]).toEqual([
      one.status,
      one.data,
      one.errors,
      [...one.headers.keys()],
    ]);
    expect(Math.abs(retryAfter(one) - retryAfter(other))).toBeLessThan(30);
  });

  it('with a reset link that attackers have requested leave a link in the mailbox that works during the whole wait', async () => {
    const alice = await server.user();
    await useUp(alice.email);
    expect((await request(alice.email, alice.address)).code).toBe('RATE_LIMITED');
    const { token } = await emailTo(server, alice.uuid, 'passwordReset', 20);
    const reset = 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { ok } }';
    const input = { token, newPassword: 'nine amber foxes fold a paper crane' };
    expect((await server.query(reset, { input }, { address: alice.address })).data.resetPassword.ok).toBe(true);
  });

  it('of a change of address that one user has requested leave as many to every other user', async () => {
    const [email, mallory, alice] = [newEmail(), await server.user(), await server.user()];
    const change = (user: TestUser) => user.query(requestMutation, { input: { newEmail: email } });
    expect(accepted(await codes(5, () => change(mallory)))).toBe(3);
    expect(accepted(await codes(4, () => change(alice)))).toBe(3);
  });

  it('of invitations that one administrator has sent leave as many to every other administrator', async () => {
    const [email, one, other] = [newEmail(), await server.user('ADMIN', 'north'), await server.user('ADMIN', 'north')];
    expect(accepted(await codes(5, () => one.query(invite, { email })))).toBe(3);
    expect(accepted(await codes(4, () => other.query(invite, { email })))).toBe(3);
  });

  it('of invitations are not used up by administrators who may not send them', async () => {
    const [email, superadmin] = [newEmail(), await server.user('SUPERADMIN')];
    const elsewhere = invite.replace('"north"', 'null');
    for (let times = 0; times < 7; times += 1) {
      const admin = await server.user('ADMIN', 'north');
      expect(await codes(3, () => admin.query(elsewhere, { email }))).toEqual(Array(3).fill('FORBIDDEN'));
    }
    expect((await superadmin.query(invite, { email })).code).toBeUndefined();
  });

  it('of invitations are 20 from all administrators together, and then wait', async () => {
    const email = newEmail();
    const found: (string | undefined)[] = [];
    for (let admins = 0; admins < 7; admins += 1) {
      const admin = await server.user('ADMIN', 'north');
      found.push(...(await codes(3, () => admin.query(invite, { email }))));
    }
    expect(found.indexOf('RATE_LIMITED')).toBe(20);
  });

  describe('that were rejected', () => {
    const endWaits = () => server.db.query(sql`update "RateLimit" set "blockedUntil" = now() where "blockedUntil" is not null`);

    /** Rejections that others have caused, then the emails that the caller has left. */
    async function rejectedThenLeft(count: number, send: () => Promise<QueryResult<unknown>>) {
      const waits: number[] = [];
      for (let times = 0; times < count; times += 1) waits.push(retryAfter(await send()));
      expect(waits.filter((seconds) => seconds > 0 && seconds <= 60)).toHaveLength(count);
      const left: number[] = [];
      for (let times = 0; times < 4; times += 1) {
        await endWaits();
        left.push(accepted(await codes(1, send)));
      }
      return left;
    }

    it('because others have used up those to the address leave the owner all of their own after the wait', async () => {
      const [{ email }, owner] = [await server.user(), uniqueAddress()];
      for (let network = 0; network < 7; network += 1) {
        const attacker = uniqueAddress();
        await codes(3, () => request(email, attacker));
      }
      expect(await rejectedThenLeft(35, () => request(email, owner))).toEqual([1, 1, 1, 0]);
    });

    it('because other users have requested the same new address leave the user all of their own after the wait', async () => {
      const [email, alice] = [newEmail(), await server.user()];
      for (let users = 0; users < 20; users += 1) await (await server.user()).query(requestMutation, { input: { newEmail: email } });
      expect(await rejectedThenLeft(7, () => alice.query(requestMutation, { input: { newEmail: email } }))).toEqual([1, 1, 1, 0]);
    });

    it('because other administrators have invited the address leave the administrator all of their own after the wait', async () => {
      const [email, alice] = [newEmail(), await server.user('ADMIN', 'north')];
      for (let admins = 0; admins < 7; admins += 1) {
        const admin = await server.user('ADMIN', 'north');
        await codes(3, () => admin.query(invite, { email }));
      }
      expect(await rejectedThenLeft(7, () => alice.query(invite, { email }))).toEqual([1, 1, 1, 0]);
    });

    it('by the limit of one network use up none of those that it may request to other addresses', async () => {
      const [address, email] = [uniqueAddress(), newEmail()];
      expect(accepted(await codes(40, () => request(email, address)))).toBe(3);
      expect((await request(newEmail(), address)).code).toBeUndefined();
    });

    it('because of a wrong role, or of an address that is taken, use up none', async () => {
      const [email, admin, superadmin] = [newEmail(), await server.user('ADMIN', 'north'), await server.user('SUPERADMIN')];
      const wrong = invite.replace('USER', 'NO_SUCH');
      expect(await codes(4, () => admin.query(wrong, { email }))).toEqual(Array(4).fill('INVALID_INPUT'));
      expect((await admin.query(invite, { email })).code).toBeUndefined();
      const create = 'mutation ($email: String!) { createUser(input: { email: $email }) { user { id } } }';
      expect(await codes(4, () => superadmin.query(create, { email: admin.email }))).toEqual(Array(4).fill('TAKEN'));
    });
  });

  it('about registrations of a taken address are sent to its owner at most 3 times an hour for each network', async () => {
    const [alice, attacker] = [await server.user(), uniqueAddress()];
    const document = 'mutation ($input: RegisterInput!) { register(input: $input) { confirmationRequired } }';
    const register = (address: string) =>
      server.query(document, { input: { email: alice.email, password: `long ${randomUUID()}` } }, { address });
    for (const address of [attacker, attacker, attacker, attacker, attacker, uniqueAddress()])
      expect((await register(address)).code).toBe('TAKEN');
    const where = { template: 'alreadyRegistered', emailKey: alice.email };
    expect(await server.db.prisma.outboxEmail.count({ where })).toBe(4);
  });
});
