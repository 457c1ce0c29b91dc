import { describe, expect, it } from 'vitest';
import { readImportedHash } from '../../src/identity/credentials/foreign-hashes/imported-hash.ts';
import { hashPassword } from '../../src/identity/credentials/password-hash.ts';
import { passwordHashDuration } from '../../src/metrics.ts';
import { startTestServer } from '../test-server.ts';
import { compatibilityHash, firebaseHash, flaskSalt, importedHashes, importedPassword } from './imported-hashes.ts';

const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { user { email } } } }';
const current = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[^$]{22}\$[^$]{43}$/;

/** The form in which an import stores a hash. */
async function storedForm(hash: string): Promise<string> {
  const read = readImportedHash(hash);
  if ('fault' in read) throw new Error(read.fault);
  return read.wrap === undefined ? read.stored : read.stored + (await hashPassword(read.wrap));
}

const server = await startTestServer({ FLASK_SECURITY_PASSWORD_SALT: flaskSalt });

async function createUser(email: string, hash: string, { prisma } = server.db): Promise<void> {
  await prisma.user.create({ data: { email, emailKey: email, password: { create: { hash } } } });
}

const attempt = async (email: string, password: string, { query } = server) =>
  (await query(login, { input: { email, password } })).code ?? 'OK';
const storedHash = async (email: string) =>
  (await server.db.prisma.password.findFirstOrThrow({ where: { user: { emailKey: email } } })).hash;

const cases: (readonly [name: string, hash: string, password: string])[] = [
  ...Object.entries(importedHashes).map(([name, hash]) => [name, hash, importedPassword] as const),
  ['Firebase', firebaseHash, 'user1password'],
  ['better-auth with a ligature', compatibilityHash, 'Ångström ﬁeld gate'],
];

describe('a login with a password that another system hashed', () => {
  it.each(cases)('succeeds for %s and replaces the hash; another password fails', async (name, hash, password) => {
    const email = `${name.replace(/\W+/g, '-')}@example.com`.toLowerCase();
    const stored = await storedForm(hash);
    await createUser(email, stored);
    expect(await attempt(email, `${password}x`)).toBe('INVALID_CREDENTIALS');
    expect(await storedHash(email)).toBe(stored);
    expect(await attempt(email, password)).toBe('OK');
    expect(await storedHash(email)).toMatch(current);
    expect(await attempt(email, password)).toBe('OK');
    expect(await attempt(email, `${password}x`)).toBe('INVALID_CREDENTIALS');
  });

  it('fails for hashes of Flask-Security without FLASK_SECURITY_PASSWORD_SALT', async () => {
    const without = await startTestServer();
    await createUser('flask@example.com', await storedForm(importedHashes['Flask-Security bcrypt']), without.db);
    expect(await attempt('flask@example.com', importedPassword, without)).toBe('INVALID_CREDENTIALS');
  });

  const tooCostly = {
    argon2: '$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    'argon2 with many passes': '$argon2id$v=19$m=65536,t=1000,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    bcrypt: '$2b$31$iLcjxXNiVAZRALDKN45TWO1LMpBmOCZraa0TFYowaNUDNBQEiODbC',
    scrypt: '$scrypt$ln=30,r=8,p=1$UgqBUMq5V6rV+l+rVUoJIQ$yTXFdid7zHK82ne1zCQWrfMW0joHmHgSGn8lryC22G8',
    'scrypt with many lanes': '$scrypt$ln=14,r=8,p=4096$UgqBUMq5V6rV+l+rVUoJIQ$yTXFdid7zHK82ne1zCQWrfMW0joHmHgSGn8lryC22G8',
    pbkdf2: '$pbkdf2-sha256$1000000000$dk6pNSbEuLeWkrJWCqGUsg$PG6gw3V81EqN66Bl5ffr.uOhut39ErRxcNYtlviMN2I',
  };

  it.each(Object.entries(tooCostly))('is not computed with the costs of a hostile hash of %s', async (name, hash) => {
    expect(readImportedHash(hash)).toEqual({ fault: expect.stringMatching(/^must (use|have) /) });
    const email = `costly-${name.replace(/\W+/g, '-')}@example.com`;
    const stored = hash
      .replace(/^(\$scrypt\$ln=\d+,r=8,p=\d+)/, '$1,l=32')
      .replace(/^\$pbkdf2-sha256\$(\d+)/, '$pbkdf2-sha256$i=$1,l=32')
      .replaceAll('.uOhut', '+uOhut');
    await createUser(email, stored);
    expect(await attempt(email, importedPassword)).toBe('INVALID_CREDENTIALS');
  });

  it.each([
    '',
    'plain text',
    'md5$salt$abc',
    '$2b$10$short',
    'scrypt:1000:8:1$salt$00',
    '$1$salt$qJH7.N4xYta3aEG/dfqo/0',
    '$sha256$m=hmac$c2FsdA$AAAA',
  ])('cannot be imported as %j', (hash) =>
    expect(readImportedHash(hash)).toEqual({ fault: 'must be a hash in a format that docs/migrating.md lists' }),
  );

  it('stores no hash that is fast to guess', async () => {
    for (const name of [
      'bcrypt cost 4',
      'Django md5',
      'passlib ldap_md5',
      'Werkzeug sha256 (before 2.3)',
      'passlib pbkdf2_sha256',
    ] as const)
      expect(await storedForm(importedHashes[name])).toMatch(/.\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(readImportedHash('$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4')).toHaveProperty(
      'fault',
    );
  });
});

/** How many hashes of each algorithm the work computes. */
async function countHashes(work: () => Promise<unknown>): Promise<Record<string, number>> {
  const read = async () => {
    const { values } = await passwordHashDuration.get();
    const counts = values.filter(({ metricName }) => metricName?.endsWith('_count'));
    return new Map(counts.map(({ labels, value }) => [String(labels.algorithm), value]));
  };
  const before = await read();
  await work();
  const differences = [...(await read())].map(([name, value]) => [name, value - (before.get(name) ?? 0)] as const);
  return Object.fromEntries(differences.filter(([, difference]) => difference > 0));
}

describe('a failed login', () => {
  it('computes one hash, of the same kinds for unknown names, accounts without a password and accounts with a foreign hash', async () => {
    const other = await startTestServer();
    const emails = Array.from({ length: 6 }, (_, index) => `user${index}@example.com`);
    const hash = await storedForm(importedHashes['bcrypt 2b']);
    for (const email of emails) await createUser(email, hash, other.db);
    await other.db.prisma.user.create({ data: { email: 'none@example.com', emailKey: 'none@example.com' } });
    const fail = async (names: readonly string[]) => {
      for (const email of names) expect(await attempt(email, 'a wrong password', other)).toBe('INVALID_CREDENTIALS');
    };
    expect(await countHashes(() => fail(emails))).toEqual({ bcrypt: 6 });
    expect(await countHashes(() => fail(['none@example.com', 'a@example.com', 'b@example.com']))).toEqual({ bcrypt: 3 });
  });

  it('gives unknown names foreign and current hashes as often as accounts have them, and a name always the same', async () => {
    const mixed = await startTestServer();
    const [foreign, native] = [await storedForm(importedHashes['bcrypt 2b']), await hashPassword(importedPassword)];
    for (let index = 0; index < 20; index += 1) await createUser(`user${index}@example.com`, index % 2 ? foreign : native, mixed.db);
    const kindOf = async (email: string) => Object.keys(await countHashes(() => attempt(email, 'a wrong password', mixed))).join();
    const names = Array.from({ length: 24 }, (_, index) => `unknown${index}@example.com`);
    const kinds: string[] = [];
    for (const name of names) kinds.push(await kindOf(name));
    expect(new Set(kinds)).toEqual(new Set(['argon2', 'bcrypt']));
    for (const [index, name] of names.slice(0, 6).entries()) expect(await kindOf(name)).toBe(kinds[index]);
  });
});
