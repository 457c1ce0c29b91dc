import { describe, expect, it } from 'vitest';
import { permissions } from '../../src/policy/permissions.ts';
import { startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
await server.domain('inside');
const admin = await server.user('SUPERADMIN');
await server.user('SUPERADMIN');
const ann = await server.user();

/** Sends operations with an API token of the user with these scopes. */
async function byToken(person: TestUser, scopes: string[]) {
  const { data } = await person.query('mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret token { id } } }', {
    input: { description: 'For a script', scopes },
  });
  const token = data.createApiToken.secret;
  return (document: string, variables?: object) => server.query(document, variables, { token });
}

const reads: [scope: string, document: string, path: string][] = [
  ['users:read', '{ me { email } }', 'me.email'],
  ['users:read', '{ viewer { user { id } } }', 'viewer.user.id'],
  ['users:read', '{ users { totalCount } }', 'users.totalCount'],
  ['users:read', 'query ($ann: ID!) { user(id: $ann) { id } }', 'user.id'],
  ['users:read', 'query ($ann: ID!) { node(id: $ann) { id } }', 'node.id'],
  ['roles:read', '{ roles { totalCount } }', 'roles.totalCount'],
  ['roles:read', '{ role(name: "USER") { name } }', 'role.name'],
  ['tokens:read', '{ viewer { token { id } } }', 'viewer.token.id'],
  ['domains:read', '{ domain(name: "inside") { displayName } }', 'domain.displayName'],
];
const writes: [scope: string, mutation: string, input: () => object][] = [
  ['users:write', 'updateProfile', () => ({ firstName: 'A' })],
  ['users:write', 'enableUser', () => ({ id: ann.id })],
  ['settings:write', 'setSetting', () => ({ key: 'k', value: 'v' })],
  ['domains:write', 'createDomain', () => ({ name: `d${Date.now()}`, displayName: 'D' })],
  ['tokens:revoke', 'revokeToken', () => ({ id: ann.tokenId })],
];
const sessionsOnly: [mutation: string, input: () => object][] = [
  ['createApiToken', () => ({ description: 'Another', scopes: ['users:read'] })],
  ['grantRole', () => ({ userId: ann.id, role: 'ADMIN' })],
  ['revokeRole', () => ({ userId: ann.id, role: 'USER' })],
  ['createRole', () => ({ name: 'NEW_ROLE' })],
  ['logoutEverywhere', () => ({})],
  ['reauthenticate', () => ({ password: admin.password })],
];
const mutation = (name: string) =>
  `mutation ($input: ${name.charAt(0).toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { __typename } }`;
const every = Object.keys(permissions);
const valueAt = (data: unknown, path: string) =>
  path.split('.').reduce((at: unknown, key) => (at as Record<string, unknown> | null)?.[key], data);

describe('an API token', () => {
  it.each(reads)('needs the scope %s to read %s', async (scope, document, path) => {
    const variables = document.includes('$ann') ? { ann: ann.id } : {};
    const [with_, without] = [
      await byToken(admin, [scope]),
      await byToken(
        admin,
        every.filter((one) => one !== scope),
      ),
    ];
    expect(valueAt((await with_(document, variables)).data, path)).toBeTruthy();
    const { data, errors } = await without(document, variables);
    expect(valueAt(data, path) ?? null).toBeNull();
    expect(['FORBIDDEN', 'NOT_FOUND']).toContain(errors?.[0]?.extensions.code);
  });

  it.each(writes)('needs the scope %s to call %s', async (scope, name, input) => {
    const [with_, without] = [
      await byToken(admin, [scope]),
      await byToken(
        admin,
        every.filter((one) => one !== scope),
      ),
    ];
    expect((await without(mutation(name), { input: input() })).code).toBe('FORBIDDEN');
    expect((await with_(mutation(name), { input: input() })).errors).toBeUndefined();
  });

  it.each(sessionsOnly)('cannot call %s, which requires a session, whatever its scopes', async (name, input) => {
    const send = await byToken(admin, every);
    const { code, errors } = await send(mutation(name), { input: input() });
    expect(code).toBe('FORBIDDEN');
    expect(errors?.[0]?.extensions.rule).toMatch(/^session/);
  });

  it('gets the failed rule in the error, also for the payload of a mutation', async () => {
    const send = await byToken(admin, ['users:write']);
    const { data, errors } = await send('mutation ($input: EnableUserInput!) { enableUser(input: $input) { changed user { id } } }', {
      input: { id: ann.id },
    });
    expect(data.enableUser).toEqual({ changed: false, user: null });
    expect(errors?.[0]).toMatchObject({ path: ['enableUser', 'user'], extensions: { code: 'FORBIDDEN', coordinate: 'User' } });
    expect(errors?.[0]?.extensions.rule).toContain('scope(users:read)');
  });

  it('loses access when its owner does', async () => {
    const [owner, other] = [await server.user('ADMIN'), await server.user()];
    const send = await byToken(owner, ['users:read', 'users:write']);
    const document = 'query ($id: ID!) { user(id: $id) { email } }';
    expect((await send(document, { id: other.id })).data.user.email).toBe(other.email);
    await server.db.prisma.roleGrant.deleteMany({ where: { userId: owner.uuid } });
    expect((await send(document, { id: other.id })).code).toBe('NOT_FOUND');
    expect((await send(mutation('disableUser'), { input: { id: other.id } })).code).toBe('FORBIDDEN');
  });

  it('shows no rights beyond its scopes in viewer.rights', async () => {
    const [session, send] = [await admin.query('{ viewer { rights } }'), await byToken(admin, ['users:read'])];
    const rights = (await send('{ viewer { rights } }')).data.viewer.rights;
    expect(rights.filter((right: string) => !session.data.viewer.rights.includes(right) || right !== 'users:read')).toEqual([]);
  });
});
