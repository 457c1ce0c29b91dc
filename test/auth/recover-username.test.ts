import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { letterTo, outcomes } from '../mail/letters.ts';
import { open } from '../world.ts';

const world = await open();
const recover = 'mutation ($input: RecoverUsernameInput!) { recoverUsername(input: $input) { ok } }';

describe('recoverUsername', () => {
  it('mails the owner of the address by which name the account logs in, and answers every address alike', async () => {
    const alice = await world.user();
    const unknown = `${randomUUID()}@example.com`;
    for (const email of [alice.email, unknown])
      expect((await world.send(recover, { input: { email } })).data).toEqual({ recoverUsername: { ok: true } });
    expect((await letterTo(world, alice.uuid, 'usernameReminder')).text).toContain(alice.email);
    expect(await outcomes(world, 'usernameReminder', { emailKey: unknown })).toEqual(['nobody']);
  });
});
