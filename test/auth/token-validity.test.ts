import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { startTestServer, type TestUser, uniqueAddress } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;

const meQuery = graphql(`query MeByToken { me { id } }`);
const createApiToken = 'mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret token { id } } }';

const send = (token: string) => server.query(meQuery, {}, { token });

describe('a session token', () => {
  it('is rejected on the next request after logout, while concurrent requests of other sessions succeed', async () => {
    const people = await Promise.all([server.user(), server.user(), server.user()]);
    const { accessToken } = people[0];
    await people[0].query('mutation { logout { ended } }');
    const callers = Array.from({ length: 60 }, (_, index) => people[index % 3] as TestUser);
    const answers = await Promise.all(callers.map((person) => person.query(meQuery)));
    for (const [index, answer] of answers.entries()) {
      if (callers[index]?.accessToken === accessToken) expect(answer).toMatchObject({ status: 401, code: 'TOKEN_REVOKED' });
      else expect(answer.data.me?.id).toBe(callers[index]?.id);
    }
  });

  it('is rejected on the next request after its user is disabled, by column or by disableUser', async () => {
    const [bob, carol, admin] = [await server.user(), await server.user(), await server.user('SUPERADMIN')];
    await prisma.user.update({ where: { id: bob.uuid }, data: { enabled: false } });
    await admin.query('mutation ($input: DisableUserInput!) { disableUser(input: $input) { changed } }', { input: { id: carol.id } });
    const answers = [await bob.query(meQuery), await carol.query(meQuery)];
    expect(answers.map(({ status, code, data }) => [status, code, data])).toEqual([
      [401, 'ACCOUNT_DISABLED', undefined],
      [401, 'TOKEN_REVOKED', undefined],
    ]);
  });

  it('is rejected on the next request after it expires, its user is deleted or its domain is deactivated', async () => {
    const domain = await server.domain('closed');
    const [bob, carol, dave] = [await server.user(), await server.user(), await server.user()];
    await prisma.token.updateMany({ where: { userId: bob.uuid }, data: { expiresAt: new Date(Date.now() - 1_000) } });
    await prisma.user.delete({ where: { id: carol.uuid } });
    await prisma.token.updateMany({ where: { userId: dave.uuid }, data: { domainId: domain.id } });
    await prisma.domain.update({ where: { id: domain.id }, data: { active: false } });
    const answers = [await bob.query(meQuery), await carol.query(meQuery), await dave.query(meQuery)];
    expect(answers.map((answer) => answer.code)).toEqual(['TOKEN_EXPIRED', 'INVALID_TOKEN', 'DOMAIN_ACCESS_DENIED']);
    for (const answer of answers) expect(answer).not.toHaveProperty('data');
  });
});

describe('an API token', () => {
  const make = async (owner: TestUser, ...scopes: string[]) => {
    const { data } = await owner.query(createApiToken, { input: { description: 'CI', scopes } });
    return data.createApiToken as { secret: string; token: { id: string } };
  };
  const rowOf = (owner: TestUser) => prisma.token.findFirstOrThrow({ where: { userId: owner.uuid, kind: 'API' } });

  it('authenticates as its owner, limited to its scopes', async () => {
    const bob = await server.user();
    const { secret } = await make(bob, 'users:read');
    expect((await send(secret)).data.me?.id).toBe(bob.id);
    const { data, errors } = await server.query('{ me { id settings { totalCount } tokens { totalCount } } }', {}, { token: secret });
    expect(data.me.id).toBe(bob.id);
    expect(errors?.map((error) => [error.path?.join('.'), error.extensions.code])).toEqual([
      ['me.settings', 'FORBIDDEN'],
      ['me.tokens', 'FORBIDDEN'],
    ]);
  });

  it('loses access when its owner loses the role that granted it', async () => {
    const admin = await server.user('ADMIN');
    const { secret } = await make(admin, 'users:read');
    const count = async () => (await server.query('{ users { totalCount } }', {}, { token: secret })).data.users.totalCount;
    expect(await count()).toBeGreaterThan(1);
    await prisma.roleGrant.deleteMany({ where: { userId: admin.uuid, role: { name: 'ADMIN' } } });
    expect(await count()).toBe(1);
  });

  it('cannot create tokens, sessions, grants or roles, whatever its scopes', async () => {
    const root = await server.user('SUPERADMIN');
    const { data } = await server.query('{ __type(name: "Mutation") { fields { name } } }');
    const names = data.__type.fields.map((field: { name: string }) => field.name);
    const { secret } = await make(
      root,
      'users:read',
      'users:write',
      'roles:read',
      'domains:read',
      'domains:write',
      'tokens:read',
      'tokens:revoke',
      'settings:write',
    );
    const inputs: Record<string, object> = {
      createApiToken: { description: 'more', scopes: ['users:read'] },
      grantRole: { userId: root.id, role: 'ADMIN' },
      revokeRole: { userId: root.id, role: 'SUPERADMIN' },
      createRole: { name: 'MORE', permissions: [] },
      reauthenticate: { password: root.password },
    };
    for (const [name, input] of Object.entries(inputs)) {
      expect(names).toContain(name);
      const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
      const { code } = await server.query(
        `mutation ($input: ${type}!) { ${name}(input: $input) { __typename } }`,
        { input },
        { token: secret },
      );
      expect(code, name).toBe('FORBIDDEN');
    }
  });

  it('is rejected when it is revoked, expired, unknown or of a disabled owner', async () => {
    const [revoked, expired, disabled] = [await server.user(), await server.user(), await server.user()];
    const secrets = await Promise.all([revoked, expired, disabled].map(async (owner) => (await make(owner, 'users:read')).secret));
    await prisma.token.update({ where: { id: (await rowOf(revoked)).id }, data: { revokedAt: new Date() } });
    await prisma.token.update({ where: { id: (await rowOf(expired)).id }, data: { expiresAt: new Date(Date.now() - 1_000) } });
    await prisma.user.update({ where: { id: disabled.uuid }, data: { enabled: false } });
    const answers = await Promise.all([...secrets, `fg_${'A'.repeat(43)}`, 'fg_short'].map(send));
    expect(answers.map(({ status, code }) => `${status} ${code}`)).toEqual([
      '401 TOKEN_REVOKED',
      '401 TOKEN_EXPIRED',
      '401 ACCOUNT_DISABLED',
      '401 INVALID_TOKEN',
      '401 INVALID_TOKEN',
    ]);
    for (const answer of answers) expect(answer).not.toHaveProperty('data');
  });

  it('updates lastUsedAt at most once a minute', async () => {
    const bob = await server.user();
    const { secret } = await make(bob, 'users:read');
    await send(secret);
    const { lastUsedAt: first } = await rowOf(bob);
    await send(secret);
    expect([first, (await rowOf(bob)).lastUsedAt]).toEqual([expect.any(Date), first]);
    await prisma.token.updateMany({ where: { userId: bob.uuid, kind: 'API' }, data: { lastUsedAt: new Date(Date.now() - 61_000) } });
    await send(secret);
    expect((await rowOf(bob)).lastUsedAt?.getTime()).toBeGreaterThan(Date.now() - 30_000);
  });

  it('rate-limits guesses to 100 an hour for each network', async () => {
    const address = uniqueAddress();
    const guess = (index: number) => server.query(meQuery, {}, { token: `fg_${'A'.repeat(40)}${100 + index}`, address });
    for (let index = 0; index < 100; index += 1) expect((await guess(index)).code).toBe('INVALID_TOKEN');
    expect(await guess(100)).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
  });
});
