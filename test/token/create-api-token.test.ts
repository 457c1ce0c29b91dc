import { describe, expect, it } from 'vitest';
import { formatDate } from '../../src/mail/templates/template.ts';
import { permissions } from '../../src/policy/permissions.ts';
import { graphql } from '../generated/gql.ts';
import type { CreateApiTokenInput } from '../generated/graphql.ts';
import { emailTo } from '../mail/emails.ts';
import { anonymous, startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;

const createApiToken = graphql(`
  mutation CreateApiToken($input: CreateApiTokenInput!) {
    createApiToken(input: $input) {
      secret
      token {
        id
        kind
        description
        scopes
        expiresAt
        current
        domain {
          name
        }
      }
    }
  }
`);
const meQuery = graphql(`query MeByApiToken { me { id } }`);

const create = (caller: Pick<TestUser, 'query'>, input: Partial<CreateApiTokenInput> = {}) =>
  caller.query(createApiToken, { input: { description: 'CI', scopes: ['users:read'], ...input } });
const days = (count: number) => new Date(Date.now() + count * 86_400_000);

describe('createApiToken', () => {
  it('emails the owner the description, the scopes, the time and the network, in the same transaction', async () => {
    const alice = await server.user();
    await create(alice, { description: 'Nightly build', scopes: ['users:read', 'tokens:read'] });
    const { subject, text } = await emailTo(server, alice.uuid, 'apiTokenCreated');
    expect(subject).toBe('New API token for your account');
    const { createdAt } = await prisma.token.findFirstOrThrow({ where: { userId: alice.uuid, kind: 'API' } });
    for (const part of ['Nightly build', 'users:read, tokens:read', alice.address, formatDate(createdAt)]) expect(text).toContain(part);
    await create(alice, { scopes: ['users:read'], domain: 'nowhere' });
    expect(await prisma.outboxEmail.count({ where: { userId: alice.uuid, template: 'apiTokenCreated' } })).toBe(1);
  });

  it('creates a token of the viewer and returns its secret only once', async () => {
    const alice = await server.user();
    const { data } = await create(alice, { description: 'Nightly build', scopes: ['users:read', 'tokens:read', 'users:read'] });
    const { secret, token } = data.createApiToken;
    expect(token).toMatchObject({
      kind: 'API',
      description: 'Nightly build',
      scopes: ['users:read', 'tokens:read'],
      current: false,
      domain: null,
    });
    expect((await server.query(meQuery, {}, { token: secret })).data.me?.id).toBe(alice.id);
    const list = await alice.query(
      '{ me { tokens(kind: API) { nodes: edges { node { id } } } } __type(name: "Token") { fields { name } } }',
    );
    expect(list.data.me.tokens.nodes).toEqual([{ node: { id: token.id } }]);
    expect(JSON.stringify(list.data)).not.toMatch(/secret|hash|value/i);
  });

  it('expires after 90 days by default and rejects an expiry in the past or more than 366 days ahead', async () => {
    const alice = await server.user();
    const life = async (expiresAt?: Date) => {
      const { data } = await create(alice, expiresAt && { expiresAt: expiresAt.toISOString() });
      return Math.round((Date.parse(String(data.createApiToken.token.expiresAt)) - Date.now()) / 86_400_000);
    };
    expect([await life(), await life(days(365))]).toEqual([90, 365]);
    for (const expiresAt of [days(-1), days(367)])
      expect((await create(alice, { expiresAt: expiresAt.toISOString() })).errors?.[0]?.extensions).toMatchObject({
        code: 'INVALID_INPUT',
        fields: { expiresAt: [expect.any(String)] },
      });
  });

  it('requires known scopes, at least one, and a valid description', async () => {
    const alice = await server.user();
    const faults: Partial<CreateApiTokenInput>[] = [
      { scopes: [] },
      { scopes: ['users:everything'] },
      { scopes: ['users:read', 'toString'] },
      { scopes: Array(101).fill('users:read') },
      { description: '' },
      { description: 'x'.repeat(121) },
      { description: 'a\u202eb' },
    ];
    for (const input of faults) expect((await create(alice, input)).code, JSON.stringify(input).slice(0, 60)).toBe('INVALID_INPUT');
    expect(await prisma.token.count({ where: { userId: alice.uuid, kind: 'API' } })).toBe(0);
    expect((await create(alice, { scopes: Object.keys(permissions) })).code).toBeUndefined();
  });

  it('binds the token to a domain in which the viewer has a role; the token stops working when the domain is deactivated', async () => {
    await server.domain('acme');
    await server.domain('elsewhere');
    const alice = await server.user('USER', 'acme');
    const { data } = await create(alice, { domain: 'acme' });
    expect(data.createApiToken.token.domain?.name).toBe('acme');
    for (const domain of ['elsewhere', 'no-such-domain'])
      expect((await create(alice, { domain })).errors?.[0]?.extensions.fields).toEqual({
        domain: ['must be an active domain that you may enter'],
      });
    await prisma.domain.update({ where: { name: 'acme' }, data: { active: false } });
    expect((await create(alice, { domain: 'acme' })).code).toBe('INVALID_INPUT');
    expect((await server.query(meQuery, {}, { token: data.createApiToken.secret })).code).toBe('DOMAIN_ACCESS_DENIED');
  });

  it('requires a fresh session: rejects an anonymous caller, an API token and an old session', async () => {
    const alice = await server.user();
    const { data } = await create(alice, { scopes: Object.keys(permissions) });
    expect((await create(anonymous(server))).code).toBe('UNAUTHENTICATED');
    const withToken = {
      query: (document: never, variables: never) => server.query(document, variables, { token: data.createApiToken.secret }),
    };
    expect((await create(withToken as never)).code).toBe('FORBIDDEN');
    await prisma.token.updateMany({ where: { userId: alice.uuid }, data: { authenticatedAt: new Date(Date.now() - 601_000) } });
    expect((await create(alice)).code).toBe('REAUTHENTICATION_REQUIRED');
  });

  it('requires a confirmed address, and explainAccess names the remedy', async () => {
    const alice = await server.user();
    await prisma.user.update({ where: { id: alice.uuid }, data: { emailConfirmedAt: null } });
    const rule = 'session & fresh & confirmed';
    expect((await create(alice)).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', coordinate: 'Mutation.createApiToken', rule });
    const why = await alice.query('{ explainAccess(coordinate: "Mutation.createApiToken") { allowed wouldSatisfy } }');
    expect(why.data.explainAccess).toEqual({ allowed: false, wouldSatisfy: ['confirm the email address'] });
    await prisma.token.updateMany({ where: { userId: alice.uuid }, data: { authenticatedAt: new Date(0) } });
    expect((await create(alice)).code).toBe('FORBIDDEN');
    expect(await prisma.token.count({ where: { userId: alice.uuid, kind: 'API' } })).toBe(0);
  });

  it('rejects a user id, so that no token can be created for another user', async () => {
    const [root, alice] = [await server.user('SUPERADMIN'), await server.user()];
    expect(await create(root, { userId: alice.id } as never)).toMatchObject({ status: 400, code: 'INVALID_INPUT' });
    expect(await prisma.token.count({ where: { userId: alice.uuid, kind: 'API' } })).toBe(0);
  });

  it('allows at most 50 active tokens, also when several are created concurrently', async () => {
    const alice = await server.user();
    const token = { userId: alice.uuid, kind: 'API', scopes: ['users:read'], expiresAt: days(9), idleExpiresAt: days(9) } as const;
    const gone = [{ expiresAt: days(-1) }, { revokedAt: new Date() }];
    await prisma.token.createMany({ data: [...Array(48).fill(token), ...gone.map((end) => ({ ...token, ...end }))] });
    const answers = await Promise.all(Array.from({ length: 6 }, () => create(alice)));
    expect(answers.map((answer) => answer.code).sort()).toEqual([...Array(4).fill('INVALID_INPUT'), undefined, undefined]);
  });

  it('records an audit event with the scopes', async () => {
    const alice = await server.user();
    await create(alice, { scopes: ['users:read'] });
    const event = await prisma.auditEvent.findFirst({ where: { userId: alice.uuid, action: 'authn_token_created' } });
    expect(event).toMatchObject({ actorId: alice.uuid, result: 'ok', targetType: 'Token', details: { scopes: ['users:read'] } });
  });
});
