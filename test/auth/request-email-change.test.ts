import { describe, expect, it } from 'vitest';
import { outcomes } from '../mail/emails.ts';
import { alike, open } from '../test-server.ts';
import { confirmMutation, currentEmail, loginMutation, newEmail, requestChange, requestMutation } from './email-change.ts';

const world = await open();
const { prisma } = world.db;

describe('requestEmailChange', () => {
  it('emails the new address a link valid for an hour and keeps the old address until it is used', async () => {
    const alice = await world.user();
    const { text, email } = await requestChange(world, alice);
    expect(text).toMatch(/\/email-change\?token=fgl_[\s\S]*for 60 minutes, until /);
    const [mail] = await prisma.mail.findMany({ where: { userId: alice.uuid, letter: 'newAddress' } });
    expect([mail?.address, await currentEmail(world, alice)]).toEqual([email, alice.email]);
    expect((await world.send(loginMutation, { input: { email: alice.email, password: alice.password } })).code).toBeUndefined();
    expect((await world.send(loginMutation, { input: { email, password: alice.password } })).code).toBe('INVALID_CREDENTIALS');
  });

  it('responds alike to taken and free addresses and sends nothing to a taken one', async () => {
    const [alice, bob, carol] = [await world.user(), await world.user(), await world.user()];
    const taken = await alice.ask(requestMutation, { input: { newEmail: bob.email.toUpperCase() } });
    const free = await carol.ask(requestMutation, { input: { newEmail: newEmail() } });
    expect(alike(taken)).toEqual(alike(free));
    expect(await outcomes(world, 'newAddress', { userId: alice.uuid })).toEqual(['moot']);
    expect(await prisma.link.count({ where: { userId: alice.uuid } })).toBe(0);
  });

  it('rejects malformed addresses and the current address', async () => {
    const alice = await world.user();
    for (const newEmail of ['nonsense', alice.email.toUpperCase()])
      expect(await alice.ask(requestMutation, { input: { newEmail } })).toMatchObject({
        code: 'INVALID_INPUT',
        errors: [{ extensions: { fields: { newEmail: expect.any(Array) } } }],
      });
  });

  it('requires a fresh session', async () => {
    const alice = await world.user();
    const input = { newEmail: newEmail() };
    const create = 'mutation { createApiToken(input: { description: "a script", scopes: ["users:write"] }) { secret } }';
    const { secret } = (await alice.ask(create)).data.createApiToken;
    expect((await world.send(requestMutation, { input }, { token: secret })).code).toBe('FORBIDDEN');
    expect((await world.send(requestMutation, { input })).code).toBe('UNAUTHENTICATED');
    await prisma.token.updateMany({ where: { userId: alice.uuid }, data: { authenticatedAt: new Date(0) } });
    expect((await alice.ask(requestMutation, { input })).code).toBe('REAUTHENTICATION_REQUIRED');
  });

  it('sends an address at most 3 emails an hour, whoever requests them', async () => {
    const email = newEmail();
    const codes = [];
    for (let times = 0; times < 4; times += 1)
      codes.push((await (await world.user()).ask(requestMutation, { input: { newEmail: email } })).code);
    expect(codes).toEqual([undefined, undefined, undefined, 'RATE_LIMITED']);
  });

  it('records an audit event that does not contain the address', async () => {
    const alice = await world.user();
    const { email } = await requestChange(world, alice);
    const rows = await prisma.auditEvent.findMany({ where: { userId: alice.uuid, action: 'user_letter_requested' } });
    expect(rows).toMatchObject([{ reason: 'newAddress', actorId: alice.uuid, targetId: alice.uuid }]);
    expect(JSON.stringify(rows)).not.toContain(email);
  });

  it('keeps only the address that is confirmed first when two are requested', async () => {
    const alice = await world.user();
    const [first, second] = [await requestChange(world, alice), await requestChange(world, alice, newEmail(), 2)];
    expect((await alice.ask(confirmMutation, { input: { token: first.token } })).code).toBeUndefined();
    expect((await alice.ask(confirmMutation, { input: { token: second.token } })).code).toBe('INVALID_TOKEN');
    expect(await currentEmail(world, alice)).toBe(first.email);
  });
});
