import { randomBytes, randomUUID } from 'node:crypto';
import { getNamedType, isInputObjectType } from 'graphql';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../src/logger.ts';
import { schema } from '../../src/schema/schema.ts';
import { startServer } from '../../src/server/start.ts';
import { newEmail } from '../invitation/fixtures.ts';
import { runConcurrently } from '../role/run-concurrently.ts';
import { testConfig } from '../test-database.ts';
import { startTestServer, type TestUser } from '../test-server.ts';

const encryptionKeys = [randomBytes(32), randomBytes(32)].map((key) => key.toString('base64'));
const server = await startTestServer({ ENCRYPTION_KEYS: JSON.stringify(encryptionKeys.slice(0, 1)) });
const { prisma } = server.db;
const superadmin = await server.user('SUPERADMIN');

interface Creation {
  readonly mutation: string;
  readonly payload: string;
  readonly input: () => object;
  readonly count: () => Promise<number>;
}

/** The mutations that create something. A new one joins by one line. */
const creations: Creation[] = [
  {
    mutation: 'createApiToken',
    payload: 'token { id description revokedAt } secret',
    input: () => ({ description: 'CI', scopes: ['users:read'] }),
    count: () => prisma.token.count(),
  },
  {
    mutation: 'inviteUser',
    payload: 'invitation { id email revokedAt }',
    input: () => ({ email: newEmail(), role: 'USER' }),
    count: () => prisma.invitation.count(),
  },
  { mutation: 'createUser', payload: 'user { id email }', input: () => ({ email: newEmail() }), count: () => prisma.user.count() },
  {
    mutation: 'createDomain',
    payload: 'domain { id name }',
    input: () => ({ name: `d${randomUUID()}`, displayName: 'D' }),
    count: () => prisma.domain.count(),
  },
  {
    mutation: 'createRole',
    payload: 'role { id name }',
    input: () => ({ name: `R_${randomUUID().replaceAll('-', '_').toUpperCase()}` }),
    count: () => prisma.role.count(),
  },
];
const [tokens, invitations] = creations as [Creation, Creation];

const send = (person: Pick<TestUser, 'query'>, { mutation, payload }: Creation, input: object) => {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input`;
  return person.query(`mutation ($input: ${type}!) { ${mutation}(input: $input) { ${payload} } }`, { input });
};

/** Repeats a call that waited too long for the others, as the client of UNAVAILABLE does. */
async function sendUntilAvailable(...call: Parameters<typeof send>): ReturnType<typeof send> {
  const result = await send(...call);
  return result.code === 'UNAVAILABLE' ? sendUntilAvailable(...call) : result;
}

it('is offered by every mutation that creates something, unless the caller is anonymous', () => {
  const mutations = Object.values(schema.getMutationType()?.getFields() ?? {});
  const withKey = mutations.filter(({ args }) => {
    const type = args[0] && getNamedType(args[0].type);
    return isInputObjectType(type) && 'idempotencyKey' in type.getFields();
  });
  const ofAnonymous = ['createFirstSuperadmin']; // docs/decisions/0053
  const creating = mutations.filter(({ name }) => /^(create|invite|add)/.test(name) && !ofAnonymous.includes(name));
  expect(withKey.map(({ name }) => name)).toEqual(expect.arrayContaining(creating.map(({ name }) => name)));
  expect(creations.map(({ mutation }) => mutation).sort()).toEqual(withKey.map(({ name }) => name).sort());
});

describe.each(creations)('$mutation with an idempotency key', (creation) => {
  it('creates once, and returns the same result to a repetition in any session of the user', async () => {
    const input = { ...creation.input(), idempotencyKey: randomUUID() };
    const first = await send(superadmin, creation, input);
    expect(first.errors).toBeUndefined();
    const count = await creation.count();
    const again = await send(superadmin, creation, Object.fromEntries(Object.entries(input).reverse()));
    expect(again.errors).toBeUndefined();
    expect(again.data).toEqual(first.data);
    expect(await creation.count()).toBe(count);
    expect((await send(await server.newSession(superadmin), creation, input)).data).toEqual(first.data);
  });

  it('creates once when it is sent several times at the same moment', async () => {
    const input = { ...creation.input(), idempotencyKey: randomUUID() };
    const before = await creation.count();
    const results = await Promise.all([1, 2, 3].map(() => sendUntilAvailable(superadmin, creation, input)));
    expect(results.map(({ errors }) => errors)).toEqual([undefined, undefined, undefined]);
    expect(new Set(results.map(({ data }) => JSON.stringify(data))).size).toBe(1);
    expect(await creation.count()).toBe(before + 1);
  });

  it('rejects the key with another input', async () => {
    const idempotencyKey = randomUUID();
    expect((await send(superadmin, creation, { ...creation.input(), idempotencyKey })).errors).toBeUndefined();
    const before = await creation.count();
    const other = { ...creation.input(), ...(creation === tokens && { description: 'another' }), idempotencyKey };
    const { code, errors } = await send(superadmin, creation, other);
    expect([code, errors?.[0]?.extensions.fields]).toEqual(['INVALID_INPUT', { idempotencyKey: ['must not be used for another input'] }]);
    expect(await creation.count()).toBe(before);
  });

  it('does not share the key of another user', async () => {
    const input = { ...creation.input(), idempotencyKey: randomUUID() };
    expect((await send(superadmin, creation, input)).errors).toBeUndefined();
    const other = await server.user('SUPERADMIN');
    const { data, code } = await send(other, creation, { ...input, ...creation.input() });
    expect([code, JSON.stringify(data).includes('"id"')]).toEqual([undefined, true]);
    const repeated = await send(await server.user(), creation, input);
    expect(JSON.stringify(repeated.data ?? {})).not.toContain(input.idempotencyKey);
  });

  it('creates again after 24 hours, once', async () => {
    const idempotencyKey = randomUUID();
    const first = await send(superadmin, creation, { ...creation.input(), idempotencyKey });
    await prisma.idempotencyKey.updateMany({ data: { createdAt: new Date(Date.now() - 24 * 3_600_000 - 1_000) } });
    const input = { ...creation.input(), idempotencyKey };
    const next = await send(superadmin, creation, input);
    expect(next.errors).toBeUndefined();
    expect(next.data).not.toEqual(first.data);
    expect((await send(superadmin, creation, input)).data).toEqual(next.data);
  });

  it.each(['', ' ', 'a b', 'ä', 'a\n', 'x'.repeat(256)])('rejects the key %j', async (idempotencyKey) => {
    const { code, errors } = await send(superadmin, creation, { ...creation.input(), idempotencyKey });
    expect([code, Object.keys((errors?.[0]?.extensions.fields ?? {}) as object)]).toEqual(['INVALID_INPUT', ['idempotencyKey']]);
  });

  it('creates each time without a key', async () => {
    const before = await creation.count();
    for (const key of [{}, { idempotencyKey: null }])
      expect((await send(superadmin, creation, { ...creation.input(), ...key })).errors).toBeUndefined();
    expect(await creation.count()).toBe(before + 2);
  });
});

describe('a repetition', () => {
  it('returns a secret that works, and is audited', async () => {
    const input = { ...tokens.input(), idempotencyKey: randomUUID() };
    const { data } = await send(superadmin, tokens, input);
    const { secret, token } = (await send(superadmin, tokens, input)).data.createApiToken;
    expect(secret).toBe(data.createApiToken.secret);
    expect((await server.query('{ me { id } }', {}, { token: secret })).data.me.id).toBe(superadmin.id);
    const targetId = Buffer.from(token.id, 'base64').toString().split(':')[1] ?? '';
    const events = await prisma.auditEvent.findMany({ where: { targetId, action: 'authn_token_created' }, orderBy: { at: 'asc' } });
    expect(events.map(({ reason }) => reason)).toEqual([null, 'repeated']);
  });

  it('returns the secret also on a node whose encryption keys have a new one in front', async () => {
    const input = { ...tokens.input(), idempotencyKey: randomUUID() };
    const { secret } = (await send(superadmin, tokens, input)).data.createApiToken;
    const settings = testConfig({ ENCRYPTION_KEYS: JSON.stringify(encryptionKeys.toReversed()) });
    const node = await startServer(settings, createLogger('silent', process.stdout), server.db);
    const response = await fetch(`${node.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${superadmin.accessToken}` },
      body: JSON.stringify({
        query: 'mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret } }',
        variables: { input },
      }),
    });
    expect(await response.json()).toEqual({ data: { createApiToken: { secret } } });
    await node.stop();
  });

  it('does not store what the secret can be derived from', async () => {
    const idempotencyKey = randomUUID();
    const { data } = await send(superadmin, tokens, { ...tokens.input(), idempotencyKey });
    const stored = JSON.stringify(await prisma.$queryRaw`select row_to_json(k)::text as text from "IdempotencyKey" k`);
    expect(stored).not.toContain(idempotencyKey);
    expect(stored).not.toContain(Buffer.from(idempotencyKey).toString('hex'));
    expect(stored).not.toContain(data.createApiToken.secret);
  });

  it('returns what was created as it is now', async () => {
    const input = { ...tokens.input(), idempotencyKey: randomUUID() };
    const { id } = (await send(superadmin, tokens, input)).data.createApiToken.token;
    await superadmin.query('mutation ($id: ID!) { revokeToken(input: { id: $id }) { token { id } } }', { id });
    const { data } = await send(superadmin, tokens, input);
    expect([data.createApiToken.token.id, data.createApiToken.token.revokedAt]).toEqual([id, expect.any(String)]);
  });

  it('returns NOT_FOUND when what was created is gone, and does not create it again', async () => {
    const input = { ...invitations.input(), idempotencyKey: randomUUID() };
    expect((await send(superadmin, invitations, input)).errors).toBeUndefined();
    await prisma.invitation.deleteMany();
    expect((await send(superadmin, invitations, input)).code).toBe('NOT_FOUND');
    expect(await prisma.invitation.count()).toBe(0);
  });

  it('is rejected when the caller has lost the right', async () => {
    const admin = await server.user('ADMIN');
    const input = { ...invitations.input(), idempotencyKey: randomUUID() };
    expect((await send(admin, invitations, input)).errors).toBeUndefined();
    await prisma.roleGrant.deleteMany({ where: { userId: admin.uuid } });
    const { code, data } = await send(admin, invitations, input);
    expect([code, data]).toEqual(['FORBIDDEN', null]);
  });

  it('is rejected as the first call would be now when the caller has lost the right in the domain', async () => {
    for (const name of ['lost', 'kept']) await server.domain(name);
    for (const creation of [invitations, tokens]) {
      const admin = await server.user('ADMIN', 'lost');
      await server.grant(admin.uuid, 'ADMIN', 'kept');
      const input = { ...creation.input(), domain: 'lost', idempotencyKey: randomUUID() };
      expect((await send(admin, creation, input)).errors).toBeUndefined();
      await prisma.roleGrant.deleteMany({ where: { userId: admin.uuid, domain: { name: 'lost' } } });
      const [repeated, first] = [
        await send(admin, creation, input),
        await send(admin, creation, { ...input, idempotencyKey: randomUUID() }),
      ];
      expect(repeated.errors).toEqual(expect.arrayContaining([expect.objectContaining({ message: first.errors?.[0]?.message })]));
      expect([repeated.code, repeated.data]).toEqual([first.code, null]);
      expect(repeated.code).toBe(creation === tokens ? 'INVALID_INPUT' : 'FORBIDDEN');
    }
  });

  it('is rejected when only a superadmin may still create what the first call created', async () => {
    const former = await server.user('SUPERADMIN');
    const user = creations.find(({ mutation }) => mutation === 'createUser') as Creation;
    for (const creation of [invitations, user]) {
      await server.grant(former.uuid, 'SUPERADMIN').catch(() => {});
      const input = { ...creation.input(), role: 'ADMIN', idempotencyKey: randomUUID() };
      expect((await send(former, creation, input)).errors).toBeUndefined();
      await prisma.roleGrant.deleteMany({ where: { userId: former.uuid } });
      await server.grant(former.uuid, 'ADMIN');
      const { code, data } = await send(former, creation, input);
      expect([code, data]).toEqual(['FORBIDDEN', null]);
      await prisma.roleGrant.deleteMany({ where: { userId: former.uuid } });
    }
  });

  it('needs a recent authentication as the first call did', async () => {
    const input = { ...tokens.input(), idempotencyKey: randomUUID() };
    const session = await server.newSession(superadmin);
    expect((await send(session, tokens, input)).errors).toBeUndefined();
    const id = Buffer.from(session.tokenId, 'base64').toString().split(':')[1] ?? '';
    await prisma.token.update({ where: { id }, data: { authenticatedAt: new Date(Date.now() - 3_600_000) } });
    expect((await send(session, tokens, input)).code).toBe('REAUTHENTICATION_REQUIRED');
  });

  it('sends no second email and does not count towards the limit of emails', async () => {
    const input = { ...invitations.input(), idempotencyKey: randomUUID() };
    for (let count = 0; count < 6; count += 1) expect((await send(superadmin, invitations, input)).errors).toBeUndefined();
    const { email } = input as { email?: string };
    expect(await prisma.outboxEmail.count({ where: { invitation: { email: email ?? '' } } })).toBe(1);
    expect((await send(superadmin, invitations, { ...input, idempotencyKey: randomUUID() })).errors).toBeUndefined();
  });

  it.each(creations.filter(({ mutation }) => mutation === 'inviteUser' || mutation === 'createUser'))(
    'counts the email of $mutation once when it is sent several times at the same moment',
    async (creation) => {
      const input = { ...creation.input(), idempotencyKey: randomUUID() };
      await prisma.rateLimit.deleteMany();
      const call = () => send(superadmin, creation, input);
      for (const { errors } of await runConcurrently(server, call, call)) expect(errors).toBeUndefined();
      const counts = await prisma.rateLimit.findMany({ where: { key: { startsWith: 'emailBy' } } });
      expect(new Set(counts.map(({ count }) => count))).toEqual(new Set([1]));
    },
  );

  it('succeeds after a first attempt that failed, as that keeps nothing', async () => {
    const email = newEmail();
    const input = { email, role: 'LATER', idempotencyKey: randomUUID() };
    expect((await send(superadmin, invitations, input)).code).toBe('INVALID_INPUT');
    expect(await prisma.idempotencyKey.count({ where: { mutation: 'inviteUser', resultId: null } })).toBe(0);
    await prisma.role.create({ data: { name: 'LATER' } });
    expect((await send(superadmin, invitations, input)).errors).toBeUndefined();
  });

  it('in one operation returns the same as the first field', async () => {
    const input = { ...tokens.input(), idempotencyKey: randomUUID() };
    const document = `mutation ($input: CreateApiTokenInput!) {
      a: createApiToken(input: $input) { token { id } secret } b: createApiToken(input: $input) { token { id } secret } }`;
    const { data, errors } = await superadmin.query(document, { input });
    expect(errors).toBeUndefined();
    expect(data.b).toEqual(data.a);
  });

  it('may use the key of another mutation', async () => {
    const idempotencyKey = randomUUID();
    for (const creation of creations)
      expect((await send(superadmin, creation, { ...creation.input(), idempotencyKey })).errors).toBeUndefined();
  });
});
