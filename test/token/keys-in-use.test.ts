import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Config } from '../../src/config.ts';
import { generateKeys, loadConfiguredKeys } from '../../src/identity/keys/configured-keys.ts';
import { removeKey, rotateKeys } from '../../src/identity/keys/rotate-keys.ts';
import { createLogger } from '../../src/logger.ts';
import { startServer } from '../../src/server/start.ts';
import { runCommand } from '../cli/process.ts';
import { createTestDatabase, isEmbedded, testConfig } from '../test-database.ts';

const log = createLogger('silent');

interface KeyList {
  readonly jwt: unknown;
  readonly encryption: string;
}

const newKey = async (): Promise<KeyList> => {
  const { JWT_KEYS, ENCRYPTION_KEYS } = await generateKeys();
  return { jwt: JSON.parse(JWT_KEYS)[0], encryption: JSON.parse(ENCRYPTION_KEYS)[0] };
};
const [a, b, c] = await Promise.all([newKey(), newKey(), newKey()]);
const list = (...keys: KeyList[]) => ({
  JWT_KEYS: JSON.stringify(keys.map(({ jwt }) => jwt)),
  ENCRYPTION_KEYS: JSON.stringify(keys.map(({ encryption }) => encryption)),
});

/** Nodes on one new database. `start` returns the setting that the start was rejected for, or `started`. */
async function cluster() {
  const { db, url, drop } = await createTestDatabase(testConfig(), log);
  const start = async (settings: Partial<Config>) => {
    try {
      const running = await startServer({ ...testConfig(), ...settings }, log, db);
      await running.stop();
      return 'started';
    } catch (error) {
      return /^Setting (\w+): does not contain the key that the other nodes use\./.exec((error as Error).message)?.[1];
    }
  };
  afterAll(drop);
  return { db, url, start };
}

describe('a node', () => {
  it('does not start without the keys that the other nodes use, and names the setting', async () => {
    const { start } = await cluster();
    expect(await start(list(a))).toBe('started');
    expect(await start(list(b))).toBe('ENCRYPTION_KEYS');
    expect(await start({ ...list(a), ENCRYPTION_KEYS: list(b).ENCRYPTION_KEYS })).toBe('ENCRYPTION_KEYS');
    expect(await start({ ...list(a), JWT_KEYS: list(b).JWT_KEYS })).toBe('JWT_KEYS');
    expect(await start(list(b, c))).toBe('ENCRYPTION_KEYS');
    expect(await start(list(a))).toBe('started');
  });

  it('starts during a rotation with the old key, with both in either order, then with the new one only', async () => {
    const { start } = await cluster();
    for (const keys of [[a], [a, b], [a], [b, a], [a, b], [b, a], [b], [c, b], [c]]) expect(await start(list(...keys))).toBe('started');
    expect(await start(list(a))).toBe('ENCRYPTION_KEYS');
    expect(await start(list(b))).toBe('ENCRYPTION_KEYS');
  });

  it('starts with the old key first after another node has put the new one first, and does not undo the rotation', async () => {
    const { db, start } = await cluster();
    const recorded = async () => (await db.prisma.keyInUse.findMany({ orderBy: { setting: 'asc' } })).map(({ fingerprint }) => fingerprint);
    for (const keys of [[a], [a, b], [b, a]]) expect(await start(list(...keys))).toBe('started');
    const rotated = await recorded();
    for (const keys of [
      [a, b],
      [a, c, b],
      [b, a],
      [a, b],
    ])
      expect(await start(list(...keys))).toBe('started');
    expect(await recorded()).toEqual(rotated);
    expect(await start(list(a))).toBe('ENCRYPTION_KEYS');
    expect(await start(list(b))).toBe('started');
  });

  it('repeats a refresh of another node whose first key is another one', async () => {
    const { db } = await cluster();
    const config = { ...testConfig(), PUBLIC_REGISTRATION: true, REQUIRE_EMAIL_CONFIRMATION: false };
    const nodes = await Promise.all([list(a, b), list(b, a)].map((keys) => startServer({ ...config, ...keys }, log, db)));
    const send = async (node: (typeof nodes)[number] | undefined, query: string, input: object) => {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${node?.url}/graphql`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ query, variables: { input } }),
      });
      return ((await response.json()) as { data: { tokens: { refreshToken: string } } }).data.tokens.refreshToken;
    };
    const refresh = 'mutation ($input: RefreshInput!) { tokens: refresh(input: $input) { refreshToken } }';
    const account = { email: 'ada@example.com', password: 'a long walk along the river' };
    await fetch(`${nodes[0]?.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        query: 'mutation ($input: RegisterInput!) { register(input: $input) { __typename } }',
        variables: { input: account },
      }),
    });
    const login = 'mutation ($input: LoginInput!) { tokens: login(input: $input) { ... on Session { refreshToken } } }';
    for (const [first, second] of [nodes, nodes.toReversed()]) {
      const refreshToken = await send(first, login, account);
      const next = await send(first, refresh, { refreshToken });
      expect(await send(second, refresh, { refreshToken })).toBe(next);
    }
    await Promise.all(nodes.map((node) => node.stop()));
  }, 60_000);

  it('changes no record when it is rejected for one of the settings', async () => {
    const { start } = await cluster();
    expect(await start(list(a))).toBe('started');
    expect(await start({ JWT_KEYS: list(b).JWT_KEYS, ENCRYPTION_KEYS: list(b, a).ENCRYPTION_KEYS })).toBe('JWT_KEYS');
    expect(await start(list(a))).toBe('started');
  });

  it('decides the keys of a new database alone when several with different keys start at the same time', async () => {
    const nodes = await cluster();
    const outcomes = await Promise.all([a, b, c, a, b, c].map((key) => nodes.start(list(key))));
    const started = new Set(outcomes.flatMap((outcome, index) => (outcome === 'started' ? [index % 3] : [])));
    expect(started.size).toBe(1);
    expect(outcomes.filter((outcome) => outcome === 'ENCRYPTION_KEYS')).toHaveLength(4);
  });

  it('may have other JWT_KEYS once a key of the database signs, and as soon as the configured key was removed', async () => {
    const { db, start } = await cluster();
    expect(await start(list(a))).toBe('started');
    const configured = await loadConfiguredKeys({ ...testConfig(), ...list(a) });
    await rotateKeys(db, configured, 600_000);
    expect(await start({ ...list(a), JWT_KEYS: list(b).JWT_KEYS })).toBe('JWT_KEYS');
    await removeKey(db, configured, configured.pairs[0]?.kid ?? '');
    expect(await start({ ...list(a), JWT_KEYS: list(b).JWT_KEYS })).toBe('started');
  });

  it.skipIf(isEmbedded)(
    'starts with other keys after `accept-keys`, and no other command takes them (needs a PostgreSQL server)',
    async () => {
      const { db, url = '', start } = await cluster();
      expect(await start(list(a))).toBe('started');
      const admin = (command: string) => runCommand(['scripts/admin.ts', command], { DATABASE_URL: url, ...list(b) });
      expect(await admin('rotate-keys')).toMatchObject({
        code: 1,
        err: expect.stringMatching(/^Setting ENCRYPTION_KEYS: does not contain/),
      });
      expect(await admin('accept-keys')).toMatchObject({ code: 0, out: 'Nodes with these keys start from now on.\n' });
      expect([await start(list(a)), await start(list(b))]).toEqual(['ENCRYPTION_KEYS', 'started']);
      expect(await db.prisma.auditEvent.count({ where: { action: 'sys_keys_accepted' } })).toBe(1);
    },
    60_000,
  );

  it('records no key, only a fingerprint that differs from it', async () => {
    const { db, start } = await cluster();
    expect(await start(list(a))).toBe('started');
    const rows = await db.prisma.keyInUse.findMany({ orderBy: { setting: 'asc' } });
    expect(rows.map(({ setting, fingerprint }) => [setting, fingerprint.length])).toEqual([
      ['ENCRYPTION_KEYS', 32],
      ['JWT_KEYS', 32],
    ]);
    for (const { fingerprint } of rows) {
      expect(list(a).ENCRYPTION_KEYS).not.toContain(Buffer.from(fingerprint).toString('base64'));
      expect(list(a).JWT_KEYS).not.toContain(Buffer.from(fingerprint).toString('base64url'));
    }
  });
});

const base64 = (bytes: Iterable<number>) => Buffer.from(Uint8Array.from(bytes)).toString('base64');
const half = Buffer.from(a.encryption, 'base64').subarray(0, 16);
const badKeys: Record<string, unknown[]> = {
  zeros: [base64(Array(32).fill(0))],
  ones: [base64(Array(32).fill(255))],
  'a sequence': [base64(Array(32).keys())],
  'a falling sequence': [base64(Array.from({ length: 32 }, (_, index) => 200 - 3 * index))],
  'a repetition': [base64([...half, ...half])],
  text: [Buffer.from('The quick brown fox jumps over a').toString('base64')], // 22 different characters
  'hexadecimal digits': [Buffer.from(half.toString('hex')).toString('base64')],
  'a key twice': [a.encryption, a.encryption],
  'a key of 31 bytes': [base64(Buffer.from(a.encryption, 'base64').subarray(1))],
  'a key of 33 bytes': [base64([7, ...Buffer.from(a.encryption, 'base64')])],
  'zeros behind a good key': [a.encryption, base64(Array(32).fill(0))],
  nothing: [],
};

describe('a configured key', () => {
  it.each(Object.entries(badKeys))('of ENCRYPTION_KEYS is rejected when it is %s', async (_, keys) => {
    const config = { ...testConfig(), ENCRYPTION_KEYS: JSON.stringify(keys) };
    await expect(loadConfiguredKeys(config)).rejects.toThrow(
      'Setting ENCRYPTION_KEYS: must be a JSON array of different keys of 32 random bytes in base64',
    );
  });

  // RFC 8037 appendix A.1, and the public key of 32 zeros.
  const published = { d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' };
  const zeros = { d: Buffer.alloc(32).toString('base64url'), x: 'O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik' };
  const okp = { kty: 'OKP', crv: 'Ed25519', kid: 'one' };
  it.each<[string, unknown[]]>([
    ['published as an example', [{ ...okp, ...published }]],
    ['zeros', [{ ...okp, ...zeros }]],
    ['listed twice under two ids', [a.jwt, { ...(a.jwt as object), kid: 'two' }]],
  ])('of JWT_KEYS is rejected when it is %s', async (_, keys) => {
    const config = { ...testConfig(), JWT_KEYS: JSON.stringify(keys) };
    await expect(loadConfiguredKeys(config)).rejects.toThrow('Setting JWT_KEYS: must be a JSON array of different private Ed25519 JWKs');
  });

  it('in keys.json is rejected when another user of the machine may read or change the file', async () => {
    const DATA_DIR = await mkdtemp(join(tmpdir(), 'fieldgate-'));
    const file = join(DATA_DIR, 'keys.json');
    const load = () => loadConfiguredKeys({ ...testConfig(), JWT_KEYS: undefined, ENCRYPTION_KEYS: undefined, DATA_DIR });
    await load(); // creates the file
    await writeFile(file, JSON.stringify(await generateKeys()));
    for (const mode of [0o640, 0o604, 0o660, 0o602, 0o644]) {
      await chmod(file, mode);
      await expect(load()).rejects.toThrow(`Run \`chmod 600 ${file}\`.`);
    }
    for (const mode of [0o600, 0o400]) {
      await chmod(file, mode);
      expect((await load()).pairs).toHaveLength(1);
    }
    await rm(DATA_DIR, { recursive: true });
  });
});
