import { describe, expect, it } from 'vitest';
import { anonymous, comparableResult, startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
await server.domain('inside');
const [ann, admin, superadmin] = [await server.user('USER', 'inside'), await server.user('ADMIN'), await server.user('SUPERADMIN')];
const domainAdmin = await server.user('ADMIN', 'inside');

const query = `query ($document: String!, $variables: JSON, $operationName: String, $as: ID) {
  checkOperation(document: $document, variables: $variables, operationName: $operationName, as: $as) {
    allowed wouldSatisfy denied { coordinate path rule } undecided { coordinate }
  }
}`;
const send = (caller: Pick<TestUser, 'query'>, document: string, variables?: object, more: object = {}) =>
  caller.query(query, { document, variables, ...more });
const check = async (...args: Parameters<typeof send>) => (await send(...args)).data.checkOperation;
const coordinates = (denied: { coordinate: string }[]) => denied.map(({ coordinate }) => coordinate);

const profile = `query ($id: ID!) {
  user(id: $id) { email loginCount roles { role { name } } tokens { totalCount } ...logins }
  roles { totalCount }
}
fragment logins on User { lastLoginAt sign: lastLoginFrom }`;
const disableMutation = 'mutation ($id: ID!) { disableUser(input: { id: $id }) { changed user { email } } }';

describe('checkOperation', () => {
  it('lists exactly the coordinates that would be denied', async () => {
    const { allowed, denied } = await check(domainAdmin, profile, { id: ann.id });
    const { errors } = await domainAdmin.query(profile, { id: ann.id });
    expect(allowed).toBe(false);
    expect(denied.map(({ path }: { path: string[] }) => path.join('.'))).toEqual(errors?.map(({ path }) => path?.join('.')));
    expect(denied.map(({ rule }: { rule: string }) => rule)).toEqual(errors?.map(({ extensions }) => extensions.rule));
    expect(denied.at(-1)).toMatchObject({ coordinate: 'User.lastLoginFrom', path: ['user', 'sign'] });
  });

  it('denies nothing that is allowed', async () => {
    for (const caller of [admin, superadmin])
      expect(await check(caller, profile, { id: ann.id })).toMatchObject({ allowed: true, denied: [], wouldSatisfy: [] });
    expect(await check(ann, '{ me { loginCount phone settings { totalCount } } viewer { user { lastLoginFrom } } }')).toMatchObject({
      allowed: true,
    });
  });

  it('suggests the smallest set of changes that would allow the operation, and it does', async () => {
    const document = `{ user(id: "${superadmin.id}") { loginCount email } domains(filter: { search: "x" }) { totalCount } }`;
    const carl = await server.user();
    const before = await check(superadmin, document, undefined, { as: carl.id });
    expect(before).toMatchObject({ allowed: false, wouldSatisfy: ['role SUPERADMIN'] });
    await server.grant(carl.uuid, 'SUPERADMIN');
    expect(await check(carl, document)).toMatchObject({ allowed: true });
    expect(await check(anonymous(server), '{ users { totalCount } }')).toMatchObject({ wouldSatisfy: ['log in'] });
  });

  it('suggests scopes for an API token', async () => {
    const input = { description: 'd', scopes: ['domains:read'] };
    const made = await admin.query('mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret } }', { input });
    const bot = { query: (text: never, values: never) => server.query(text, values, { token: made.data.createApiToken.secret }) } as Pick<
      TestUser,
      'query'
    >;
    const { wouldSatisfy, denied } = await check(bot, '{ users { totalCount } roles { totalCount } domains { totalCount } }');
    expect(coordinates(denied)).toEqual(['Query.users', 'Query.roles']);
    expect(wouldSatisfy).toEqual(['scope roles:read', 'scope users:read']);
  });

  it('evaluates a mutation for the objects in its input without running it', async () => {
    expect(await check(admin, disableMutation, { id: ann.id })).toMatchObject({ allowed: true });
    expect(coordinates((await check(admin, disableMutation, { id: superadmin.id })).denied)).toEqual(['Mutation.disableUser']);
    expect(await server.db.prisma.user.count({ where: { enabled: false } })).toBe(0);
    const rename = 'mutation ($input: UpdateDomainInput!) { updateDomain(input: $input) { domain { name } } }';
    const domain = await server.db.prisma.domain.findFirstOrThrow();
    const id = Buffer.from(`Domain:${domain.id}`).toString('base64');
    expect(coordinates((await check(domainAdmin, rename, { input: { id, active: false } })).denied)).toEqual(['UpdateDomainInput.active']);
  });

  it('returns the same result for an object that the viewer cannot see as for an unknown one', async () => {
    const unknown = Buffer.from('User:01900000-0000-7000-8000-000000000000').toString('base64');
    const ben = await server.user();
    for (const document of [profile, disableMutation]) {
      const hidden = await send(ben, document, { id: ann.id });
      expect(coordinates(hidden.data.checkOperation.denied)).toContain('User');
      expect(comparableResult(hidden)).toEqual(comparableResult(await send(ben, document, { id: unknown })));
    }
  });

  it('allows revoking a token that the viewer cannot read, as explainAccess does', async () => {
    const session = await server.logIn(ann.email, ann.uuid, 'inside');
    const end = 'mutation ($id: ID!) { revokeToken(input: { id: $id }) { changed } }';
    expect(await check(domainAdmin, end, { id: session.tokenId })).toMatchObject({ allowed: true });
    expect((await domainAdmin.query(end, { id: session.tokenId })).data.revokeToken).toEqual({ changed: true });
  });

  it('returns no error for ids with the name of an input type or a union', async () => {
    const odd = ['RevokeTokenInput', 'LoginResult', 'Node', 'Nothing'].map((type) => Buffer.from(`${type}:x`).toString('base64'));
    for (const id of odd) expect((await send(anonymous(server), `{ node(id: "${id}") { id } }`)).errors).toBeUndefined();
  });

  it('is allowed once in an operation', async () => {
    const fields = Array.from({ length: 2 }, (_, at) => `c${at}: checkOperation(document: "{ me { id } }") { allowed }`);
    expect((await admin.query(`{ ${fields.join(' ')} }`)).code).toBe('QUERY_TOO_COMPLEX');
  });

  it('lists coordinates that depend on the objects in a list as undecided', async () => {
    const { denied, undecided } = await check(domainAdmin, '{ users { edges { node { email loginCount } } } }');
    expect(coordinates(undecided)).toEqual(['User.email', 'User.loginCount']);
    expect(coordinates(denied)).toEqual([]);
  });

  it('respects @include and @skip with the variables', async () => {
    const document = 'query ($deep: Boolean!) { me { id } users @include(if: $deep) { totalCount } roles @skip(if: $deep) { totalCount } }';
    const visitor = anonymous(server);
    expect(coordinates((await check(visitor, document, { deep: true })).denied)).toEqual(['Query.users']);
    expect(coordinates((await check(visitor, document, { deep: false })).denied)).toEqual(['Query.roles']);
  });

  it('is available for another user to platform administrators only', async () => {
    expect((await send(admin, '{ me { id } }', undefined, { as: ann.id })).errors).toBeUndefined();
    expect((await send(domainAdmin, '{ me { id } }', undefined, { as: ann.id })).code).toBe('FORBIDDEN');
    expect((await send(ann, '{ me { id } }', undefined, { as: admin.id })).code).toBe('NOT_FOUND');
  });

  it.each([
    ['with a syntax error', '{ me {', {}, 'document'],
    ['that is invalid for the schema', '{ me { shoeSize } }', {}, 'document'],
    ['that exceeds the query limits', `{ ${'me { id } '.repeat(20)} }`.replace(/me/g, (_, at) => `a${at}: me`), {}, 'document'],
    ['without the named operation', 'query A { me { id } } query B { me { id } }', { operationName: 'C' }, 'operationName'],
    ['with missing variables', profile, {}, 'variables'],
  ])('rejects a document %s', async (_, document, more, field) => {
    const { errors, code } = await send(admin, document, undefined, more);
    expect(code).toBe('INVALID_INPUT');
    expect(errors?.[0]?.extensions.fields).toHaveProperty(field);
  });
});
