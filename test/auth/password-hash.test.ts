import { afterAll, describe, expect, it } from 'vitest';
import { inspectDatabase, spawnProcess, tempEnvironment, waitUntilListening } from '../cli/process.ts';

const here = await tempEnvironment();
afterAll(here.cleanUp);

const short = 'password';
const long = 'correct horse battery staple';

/** Known hashes, with their passwords. The first five are of the test program of the reference implementation (libargon2, src/test.c). */
const vectors = {
  'argon2id of the reference': ['$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc', short],
  'argon2id of the reference with less memory': [
    '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4',
    short,
  ],
  'argon2id of the reference with two lanes': [
    '$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc',
    short,
  ],
  'argon2i of the reference': ['$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA', short],
  'argon2i of the reference, version 16': ['$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ', short],
  'argon2 0.45': ['$argon2id$v=19$m=19456,p=1,t=2$fbAZfCJFhMSC0baEdSVP2A$z52Dyr8w4n66J55by0kjica+k8uB0qGgH6rm4l8Hjko', long],
  'argon2 0.45, reordered': ['$argon2id$v=19$m=19456,t=2,p=1$fbAZfCJFhMSC0baEdSVP2A$z52Dyr8w4n66J55by0kjica+k8uB0qGgH6rm4l8Hjko', long],
  'argon2 0.45 with other parameters': [
    '$argon2id$v=19$m=8192,p=4,t=3$AgMpl1Cn909hAC3NTG67lg$PoCqk+mOFBffSGQAD3gK24Ju7GC65x4Qr7VSs7Cz2A0',
    long,
  ],
  '@node-rs/argon2 2.2': ['$argon2id$v=19$m=19456,t=2,p=1$Tu4vmuLPeyx1lPAvljK9Gg$HIaASHAXZvh9DtbYcgtH32cpicfZ+4rxQQW2g+YQ/gI', long],
  '@node-rs/argon2 2.2, reordered': [
    '$argon2id$v=19$m=19456,p=1,t=2$Tu4vmuLPeyx1lPAvljK9Gg$HIaASHAXZvh9DtbYcgtH32cpicfZ+4rxQQW2g+YQ/gI',
    long,
  ],
  '@node-rs/argon2 2.2 with other parameters': [
    '$argon2id$v=19$m=8192,t=3,p=4$2pHCORB5X2cRISwuMIiCQQ$TyVWHrOFQ9qIY+wj7uNDOds03hcY7RM+LKT46ojkp6I',
    long,
  ],
} as const;
const entries = Object.values(vectors);
const names = Object.keys(vectors);
const emailOf = (index: number) => `vector${index}@example.com`;

const unreadable = ['', '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy', '$argon2id$v=19$m=0,t=0,p=0$c29tZXNhbHQ$nf65EOgL'];

const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { user { email } } } }';

/** The parameters of a hash, in their order. */
const header = (hash: string) => hash.split('$').slice(0, 4).join('$');

/** Replaces all accounts by one for each hash. */
const seed = (hashes: readonly string[]) =>
  inspectDatabase(here.environment, async ({ prisma }) => {
    await prisma.rateLimit.deleteMany();
    await prisma.token.deleteMany();
    await prisma.user.deleteMany();
    for (const [index, hash] of hashes.entries()) {
      const email = emailOf(index);
      await prisma.user.create({ data: { email, emailKey: email, password: { create: { hash } } } });
    }
  });

const storedHashes = () =>
  inspectDatabase(here.environment, async ({ prisma }) => {
    const users = await prisma.user.findMany({ include: { password: true } });
    return Object.fromEntries(users.map(({ email, password }) => [email, password?.hash ?? '']));
  });

// Makes the import fail as on a platform without a binary.
const withoutBinary = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  const resolve = (specifier, context, next) => {
    if (specifier.startsWith('@node-rs/')) throw new Error('Cannot find native binding');
    return next(specifier, context);
  };
  registerHooks({ resolve });`)}`;

const servers = { '@node-rs/argon2': [], argon2: ['--import', withoutBinary] };

describe.each(Object.entries(servers))('a server that hashes with %s', (library, args) => {
  /** Starts a server process and returns the outcome of each login. */
  async function logInAll(attempts: readonly (readonly [email: string, password: string])[]) {
    const server = spawnProcess(process.execPath, [...args, 'src/server/main.ts'], { ...here.environment, LOG_LEVEL: 'warn' });
    const { url, stop } = await waitUntilListening(server);
    const outcomes: unknown[] = [];
    for (const [email, password] of attempts) {
      const body = JSON.stringify({ query: login, variables: { input: { email, password } } });
      const response = await fetch(`${url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      const { data, errors } = (await response.json()) as {
        data?: { login: { user: { email: string } } };
        errors?: [{ extensions: { code: string } }];
      };
      outcomes.push(data?.login.user.email ?? errors?.[0].extensions.code);
    }
    await stop();
    expect(server.output.out.includes('@node-rs/argon2 has no binary here')).toBe(library === 'argon2');
    return outcomes;
  }

  it('accepts the password of hashes of either library in either order, of the reference vectors and of old parameters, and no other password', async () => {
    await seed(entries.map(([hash]) => hash));
    const right = entries.map(([, password], index) => [emailOf(index), password] as const);
    const wrong = entries.map(([, password], index) => [emailOf(index), `${password}x`] as const);
    const outcomes = await logInAll([...wrong, ...right]);
    expect(outcomes.slice(0, entries.length)).toEqual(names.map(() => 'INVALID_CREDENTIALS'));
    expect(outcomes.slice(entries.length)).toEqual(names.map((_, index) => emailOf(index)));
    const stored = await storedHashes();
    const headers = names.map((_, index) => header(stored[emailOf(index)] ?? ''));
    expect(headers).toEqual(names.map(() => '$argon2id$v=19$m=19456,t=2,p=1'));
    // Only hashes that were current already are unchanged.
    const unchanged = names.filter((_, index) => stored[emailOf(index)] === entries[index]?.[0]);
    expect(unchanged).toEqual(['argon2 0.45, reordered', '@node-rs/argon2 2.2']);
  }, 60_000);

  it('rejects a password whose stored hash is not of argon2 like a wrong one', async () => {
    await seed(unreadable);
    expect(await logInAll(unreadable.map((_, index) => [emailOf(index), long] as const))).toEqual(
      unreadable.map(() => 'INVALID_CREDENTIALS'),
    );
  }, 60_000);
});
