import { describe, expect, it } from 'vitest';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer({ PUBLIC_REGISTRATION: 'false' });

const register = 'mutation ($input: RegisterInput!) { register(input: $input) { confirmationRequired } }';
const input = { email: 'alice@example.com', password: 'seven teal herons misread a map' };

describe('register, when public registration is disabled', () => {
  it('rejects every caller, superadmins included', async () => {
    const admin = await server.user('SUPERADMIN');
    expect(await server.query(register, { input })).toMatchObject({ data: null, code: 'FORBIDDEN' });
    expect((await admin.query(register, { input })).code).toBe('FORBIDDEN');
    expect(await server.db.prisma.user.count({ where: { emailKey: input.email } })).toBe(0);
  });

  it('does not reveal whether an address has an account', async () => {
    const alice = await server.user();
    const answers = [await server.query(register, { input }), await server.query(register, { input: { ...input, email: alice.email } })];
    expect(answers[1]?.errors).toEqual(answers[0]?.errors);
  });
});
