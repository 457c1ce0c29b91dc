import { describe, expect, it } from 'vitest';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer();
const register = 'mutation ($input: RegisterInput!) { register(input: $input) { session { user { id employeeId } accessToken } } }';
const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { user { id } } } }';
const password = 'nine amber foxes fold a letter';

describe('an employee ID', () => {
  it('is required to register with a company address, and readable by its owner and by administrators', async () => {
    const [admin, bob] = [await server.user('ADMIN'), await server.user('ADMIN', (await server.domain('north')).name)];
    const email = 'alice@company.example';
    const refused = await server.query(register, { input: { email, password } });
    expect(refused).toMatchObject({ code: 'FORBIDDEN', errors: [{ extensions: { reason: 'Employees must provide an employee ID.' } }] });
    const { data } = await server.query(register, { input: { email, password, employeeId: '4711' } });
    const { user } = data.register.session;
    expect(user.employeeId).toBe('4711');
    const { id } = await server.db.prisma.user.findUniqueOrThrow({ where: { emailKey: email } });
    await server.grant(id, 'USER', 'north');
    const read = 'query ($id: ID!) { user(id: $id) { displayName employeeId } }';
    expect((await admin.query(read, { id: user.id })).data.user.employeeId).toBe('4711');
    expect(await bob.query(read, { id: user.id })).toMatchObject({ code: 'FORBIDDEN', data: { user: { employeeId: null } } });
  });
});

describe('a login hook', () => {
  it('rejects users on leave, but only after the correct password', async () => {
    const carol = await server.user();
    const logIn = (attempt: string) => server.query(login, { input: { email: carol.email, password: attempt } });
    expect((await logIn(carol.password)).code).toBeUndefined();
    await server.db.prisma.userSetting.create({ data: { userId: carol.uuid, key: 'on-leave' } });
    expect((await logIn('a wrong one')).code).toBe('INVALID_CREDENTIALS');
    expect(await logIn(carol.password)).toMatchObject({ code: 'FORBIDDEN', errors: [{ extensions: { reason: 'You are on leave.' } }] });
  });
});
