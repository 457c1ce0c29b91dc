import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { generateKeys, loadConfiguredKeys } from '../../src/identity/keys/configured-keys.ts';
import { publicationPeriod, removeKey, rotateKeys } from '../../src/identity/keys/rotate-keys.ts';
import { createLogger } from '../../src/logger.ts';
import { startServer } from '../../src/server/start.ts';
import { startTestServer, type TestUser, waitUntil } from '../test-server.ts';
import { follow } from './revocation-stream.ts';

const server = await startTestServer();
const { prisma } = server.db;
const configured = await loadConfiguredKeys(server.config);
const [other] = JSON.parse((await generateKeys()).ENCRYPTION_KEYS) as [string];
const minutes = (count: number) => new Date(Date.now() + count * 60_000);

const rotate = (after = publicationPeriod) => rotateKeys(server.db, configured, after);
const remove = (kid: string) => removeKey(server.db, configured, kid);
const kidOf = (token: string | undefined) =>
  JSON.parse(Buffer.from(String(token).split('.')[0] ?? '', 'base64url').toString()).kid as string;
const codeOf = async (token: string | undefined) => (await server.query('{ me { id } }', {}, { token })).code;
const codeFor = (person: TestUser) => codeOf(person.accessToken);
const setActiveFrom = (kid: string, when: Date) => prisma.signingKey.update({ where: { kid }, data: { activeFrom: when } });

async function published(url = server.url) {
  const { keys } = (await (await fetch(`${url}/.well-known/jwks.json`)).json()) as { keys: { kid: string; x: string; d?: string }[] };
  return keys;
}
const isPublished = async (kid: string) => (await published()).some((key) => key.kid === kid);
const signingKey = async () => kidOf((await server.user()).accessToken);

/** A key that is active. */
async function activeKey() {
  const kid = await rotate(0);
  await waitUntil(async () => (await signingKey()) === kid);
  return kid;
}

describe('a new signing key', () => {
  it('is published at once and signs only after verifiers have fetched it', async () => {
    const before = await signingKey();
    const kid = await rotate();
    await waitUntil(() => isPublished(kid));
    const row = await prisma.signingKey.findUniqueOrThrow({ where: { kid } });
    expect(row.activeFrom?.getTime()).toBeGreaterThanOrEqual(row.createdAt.getTime() + 10 * 60_000);
    expect(await signingKey()).toBe(before);
    await setActiveFrom(kid, minutes(-1));
    await waitUntil(async () => (await signingKey()) === kid);
  });

  it('keeps tokens of the previous key valid until the last of them has expired', async () => {
    const [old, alice] = [await activeKey(), await server.user()];
    const kid = await activeKey();
    expect([kidOf(alice.accessToken), await codeFor(alice), await isPublished(old)]).toEqual([old, undefined, true]);
    await setActiveFrom(old, minutes(-60));
    await setActiveFrom(kid, minutes(-15));
    expect(await server.user().then(codeFor)).toBeUndefined();
    await new Promise((resolve) => setTimeout(resolve, 1_000)); // at least one reload of the keys
    expect([await codeFor(alice), await isPublished(old)]).toEqual([undefined, true]);
    await setActiveFrom(kid, minutes(-15.2));
    await waitUntil(async () => !(await isPublished(old)));
    expect(await codeFor(alice)).toBe('INVALID_TOKEN');
  });

  it('is stored encrypted, and only its public part is published', async () => {
    await activeKey();
    for (const { encryptedPrivateJwk, publicJwk } of await prisma.signingKey.findMany({ where: { encryptedPrivateJwk: { not: null } } })) {
      expect(Buffer.from(encryptedPrivateJwk ?? []).toString('latin1')).not.toContain('Ed25519');
      expect(publicJwk).not.toHaveProperty('d');
    }
    for (const key of await published()) expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
  });

  it('records an audit event with its kid', async () => {
    const kid = await rotate();
    const rows = await prisma.auditEvent.findMany({ where: { action: 'sys_key_rotated' } });
    expect(rows.filter(({ details }) => (details as { kid: string }).kid === kid)).toMatchObject([
      { result: 'ok', actorId: null, agent: 'rotate-keys' },
    ]);
  });
});

describe('a removed signing key', () => {
  it('is unpublished at once, its tokens are rejected even if verified before, and another key signs', async () => {
    const [kid, alice] = [await activeKey(), await server.user()];
    expect([kidOf(alice.accessToken), await codeFor(alice)]).toEqual([kid, undefined]);
    const { successor } = (await remove(kid)) ?? {};
    await waitUntil(async () => (await codeFor(alice)) === 'INVALID_TOKEN');
    expect([await isPublished(kid), await signingKey()]).toEqual([false, successor]);
    expect((await prisma.signingKey.findUniqueOrThrow({ where: { kid } })).encryptedPrivateJwk).toBeNull();
  });

  it.each(['WebSocket', 'server-sent events'] as const)(
    'closes connections over %s that were opened with its tokens',
    async (transport) => {
      const kid = await activeKey();
      const [alice, bob] = [await server.user(), await server.user()];
      const next = await activeKey();
      const carol = await server.user();
      const streams = await Promise.all([alice, bob, carol].map((who) => follow(server, who.accessToken, '', transport)));
      await remove(kid);
      expect(await Promise.all(streams.slice(0, 2).map(({ closed }) => closed))).not.toContain(undefined);
      expect(await streams[0]?.ended).toBe('TOKEN_EXPIRED');
      expect([kidOf(carol.accessToken), await codeFor(carol)]).toEqual([next, undefined]);
      await carol.query('mutation { logout { ended } }');
      await waitUntil(() => streams[2]?.sids.length); // still open
      for (const stream of streams) stream.leave();
    },
  );

  it('logs one alarm when tokens of the removed key are used many times', async () => {
    const [kid, alice] = [await activeKey(), await server.user()];
    await remove(kid);
    await waitUntil(async () => (await codeFor(alice)) === 'INVALID_TOKEN');
    for (let times = 0; times < 20; times += 1) await codeFor(alice);
    expect(server.log.filter((line) => line.includes('authn_token_unknown_key')).length).toBe(1);
  });

  it('keeps the active key when another key is removed', async () => {
    const [old, kid] = [await activeKey(), await activeKey()];
    expect(await remove(old)).toEqual({ successor: null });
    await waitUntil(async () => !(await isPublished(old)));
    expect(await signingKey()).toBe(kid);
  });

  it('stays removed after a restart when it is configured by the setting', async () => {
    const [{ kid = '' } = {}] = configured.pairs;
    const { db, config, url } = await startTestServer();
    expect((await published(url)).map((key) => key.kid)).toEqual([kid]);
    const { successor = '' } = (await removeKey(db, configured, kid)) ?? {};
    await waitUntil(async () => (await published(url)).every((key) => key.kid === successor));
    const again = await startServer(config, createLogger('silent'), db);
    const kids = (await published(again.url)).map((key) => key.kid);
    await again.stop();
    expect([kids, await removeKey(db, configured, kid)]).toEqual([[successor], { successor: null }]);
  });

  it('keeps the previous key active when it never signed itself', async () => {
    const [kid, next, marker] = [await activeKey(), await rotate(), await rotate()];
    await waitUntil(() => isPublished(marker));
    await remove(next);
    await prisma.signingKey.update({ where: { kid: next }, data: { activeFrom: minutes(-20), removedAt: minutes(-25) } });
    await prisma.signingKey.updateMany({
      where: { kid: { notIn: [kid, next] }, activeFrom: { not: null } },
      data: { activeFrom: minutes(-60) },
    });
    await setActiveFrom(kid, minutes(-30));
    await remove(marker);
    await waitUntil(async () => !(await isPublished(marker))); // so the changes above have been loaded
    expect([await signingKey(), await isPublished(kid)]).toEqual([kid, true]);
  });

  it('stays rejected while the database cannot be read', async () => {
    const [kid, alice] = [await activeKey(), await server.user()];
    await remove(kid);
    await waitUntil(async () => (await codeFor(alice)) === 'INVALID_TOKEN');
    const before = await published();
    await server.db.query(sql`alter table "SigningKey" rename to "SigningKeyAway"`);
    await waitUntil(() => server.log.some((line) => line.includes('reading the signing keys failed')));
    const [during, code, signs] = [await published(), await codeFor(alice), await signingKey()];
    await server.db.query(sql`alter table "SigningKeyAway" rename to "SigningKey"`);
    expect([during, code, before.some((key) => key.kid === signs)]).toEqual([before, 'INVALID_TOKEN', true]);
  });
});

describe('ENCRYPTION_KEYS', () => {
  const startWith = (keys: string[]) =>
    startServer({ ...server.config, ENCRYPTION_KEYS: JSON.stringify(keys) }, createLogger('silent'), server.db);
  const ours = JSON.parse(server.config.ENCRYPTION_KEYS ?? '') as string[];

  it('decrypts signing keys with any entry while the first one encrypts', async () => {
    await activeKey();
    const running = await startWith([other, ...ours]);
    await running.stop();
    expect(await published()).not.toEqual([]);
  });

  it('rejects a start when no entry decrypts the active signing key, naming the setting', async () => {
    await activeKey();
    await expect(startWith([other])).rejects.toThrow('Setting ENCRYPTION_KEYS: ');
  });

  it('binds the ciphertext to its row: a private key copied from another row is rejected', async () => {
    const [one, two] = [await activeKey(), await activeKey()];
    const { encryptedPrivateJwk } = await prisma.signingKey.findUniqueOrThrow({ where: { kid: one } });
    await prisma.signingKey.update({ where: { kid: two }, data: { encryptedPrivateJwk } });
    await expect(startWith([...ours, other])).rejects.toThrow('Setting ENCRYPTION_KEYS: no entry decrypts');
    await remove(two);
  });
});
