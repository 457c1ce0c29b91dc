import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { anonymous, startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;

const mutation = graphql(`
  mutation ChangeUsername($input: ChangeUsernameInput!) {
    changeUsername(input: $input) { user { username } }
  }
`);
const change = (caller: Pick<TestUser, 'query'>, username: string | null) => caller.query(mutation, { input: { username } });
const newName = () => `a${randomUUID().slice(0, 12)}`;
const taken = { code: 'TAKEN', errors: [{ extensions: { fields: { username: ['must not be in use already'] } } }] };

describe('changeUsername', () => {
  it('sets the username of the viewer and keeps its letter case', async () => {
    const [alice, name] = [await server.user(), newName()];
    expect((await change(alice, name.toUpperCase())).data.changeUsername.user).toEqual({ username: name.toUpperCase() });
    expect((await alice.query('{ me { username } }')).data.me.username).toBe(name.toUpperCase());
  });

  it('rejects a username that is taken, ignoring case and Unicode width', async () => {
    const [alice, bob, name] = [await server.user(), await server.user(), newName()];
    await change(alice, name);
    for (const spelling of [name, name.toUpperCase(), `ａ${name.slice(1)}`]) expect(await change(bob, spelling)).toMatchObject(taken);
    expect((await change(alice, name.toUpperCase())).code).toBeUndefined();
  });

  it('gives a username to exactly one of several users who request it concurrently', async () => {
    const [people, name] = [await Promise.all(Array.from({ length: 6 }, () => server.user())), newName()];
    const answers = await Promise.all(people.map((person) => change(person, name)));
    expect(answers.map(({ code }) => code).sort()).toEqual([...Array(5).fill('TAKEN'), undefined]);
    expect(await prisma.user.count({ where: { usernameKey: name } })).toBe(1);
  });

  it('removes the username when it is null or empty, and frees it for other users', async () => {
    const [alice, bob, name] = [await server.user(), await server.user(), newName()];
    for (const none of [null, '']) {
      await change(alice, name);
      expect((await change(alice, none)).data.changeUsername.user).toEqual({ username: null });
    }
    expect((await change(bob, name)).code).toBeUndefined();
  });

  it.each([
    'abc',
    `a${'b'.repeat(32)}`,
    '1abc',
    '_abc',
    'ab c',
    'ab@example.com',
    'josé',
    'аdmin',
    'ab\u200bcd',
    'admin',
    'Root',
    'sys.tem',
    's_u_p_p_o_r_t',
    'security',
  ])('rejects %j', async (name) => {
    const alice = await server.user();
    const { code, errors } = await change(alice, name);
    expect([code, Object.keys(errors?.[0]?.extensions.fields ?? {})]).toEqual(['INVALID_INPUT', ['username']]);
  });

  it.each(['abcd', 'a'.repeat(32), 'a_b.c-9'])('accepts %j', async (name) => {
    expect((await change(await server.user(), name)).code).toBeUndefined();
  });

  it('reports at most 10 taken usernames an hour, then rate-limits the caller', async () => {
    const [alice, name] = [await server.user(), newName()];
    await change(await server.user(), name);
    const codes: (string | undefined)[] = [];
    for (let index = 0; index < 11; index += 1) codes.push((await change(alice, name)).code);
    expect(codes).toEqual([...Array(10).fill('TAKEN'), 'RATE_LIMITED']);
  });

  it('rejects a session that is not fresh, an API token and an anonymous caller', async () => {
    const alice = await server.user();
    const mint = 'mutation { createApiToken(input: { description: "d", scopes: ["users:write"] }) { secret } }';
    const { secret: token } = (await alice.query(mint)).data.createApiToken;
    const codes = [
      (await change(anonymous(server), newName())).code,
      (await server.query(mutation, { input: { username: newName() } }, { token })).code,
    ];
    await prisma.token.updateMany({ where: { userId: alice.uuid }, data: { authenticatedAt: new Date(Date.now() - 601_000) } });
    expect([...codes, (await change(alice, newName())).code]).toEqual(['UNAUTHENTICATED', 'FORBIDDEN', 'REAUTHENTICATION_REQUIRED']);
  });

  it('rejects an input without a username; null is required to remove it', async () => {
    expect((await (await server.user()).query(mutation, { input: {} })).code).toBe('INVALID_INPUT');
  });

  it('records an audit event that does not contain the username', async () => {
    const [alice, name] = [await server.user(), newName()];
    await change(alice, name);
    const events = await prisma.auditEvent.findMany({ where: { userId: alice.uuid, action: 'user_updated' } });
    expect(events).toMatchObject([{ actorId: alice.uuid, result: 'ok', reason: 'username', targetType: 'User', targetId: alice.uuid }]);
    expect(JSON.stringify(events)).not.toContain(name);
  });
});
