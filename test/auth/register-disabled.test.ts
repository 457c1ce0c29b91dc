import { describe, expect, it } from 'vitest';
import { open } from '../test-server.ts';

const world = await open({ PUBLIC_REGISTRATION: 'false' });

const register = 'mutation ($input: RegisterInput!) { register(input: $input) { confirmationRequired } }';
const input = { email: 'alice@example.com', password: 'seven teal herons misread a map' };

describe('register, when public registration is disabled', () => {
  it('rejects every caller, superadmins included', async () => {
    const admin = await world.user('SUPERADMIN');
    expect(await world.send(register, { input })).toMatchObject({ data: null, code: 'FORBIDDEN' });
    expect((await admin.ask(register, { input })).code).toBe('FORBIDDEN');
    expect(await world.db.prisma.user.count({ where: { emailKey: input.email } })).toBe(0);
  });

  it('does not reveal whether an address has an account', async () => {
    const alice = await world.user();
    const answers = [await world.send(register, { input }), await world.send(register, { input: { ...input, email: alice.email } })];
    expect(answers[1]?.errors).toEqual(answers[0]?.errors);
  });
});
