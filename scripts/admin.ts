import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { readConfig } from '../src/config.ts';
import { openDatabase } from '../src/database/database.ts';
import { createAccount, validateAccount } from '../src/identity/accounts/create-account.ts';
import { generateKeys } from '../src/identity/keys/configured-keys.ts';
import { emailKey } from '../src/lib/email-address.ts';
import { createLogger } from '../src/lib/logger.ts';
import { asSuperadmin } from './admin-as.ts';
import { printKeys, remove, rotate, rotateNow } from './admin-keys.ts';
import { plant } from './admin-seed.ts';
import { verbs } from './admin-verbs.ts';
import { readPassword } from './read-password.ts';

const usage = `Usage:
  npm run admin -- create-superadmin <email>   makes an administrator of the whole platform; asks for the password,
                                               or reads it as one line of standard input
  npm run --silent admin -- create-keys        prints new JWT_KEYS and ENCRYPTION_KEYS for production
  npm run --silent admin -- keys               lists the keys that sign access tokens, their states and times
  npm run admin -- rotate-keys [--now]         makes a key that signs in 10 minutes; with --now at once
  npm run admin -- remove-key <kid>            removes a key: what it signed is refused within a second
  npm run admin -- seed <file.yaml>            makes the roles, domains, users and grants of the file that are not there yet
${Object.entries(verbs)
  .map(
    ([name, { words, options = [] }]) =>
      `  npm run admin -- ${[name, ...words.map((one) => `<${one}>`), ...options.map((one) => `[--${one} …]`)].join(' ')}`,
  )
  .join('\n')}
The last ones act as a superadmin: as whom, where there are several, says --as <email>.
Exit codes: 0 done, or nothing to do; 1 refused, and why; 2 not understood.`;

/** What works on the database or the keys themselves, with how many words more. */
const own: Readonly<Record<string, readonly [words: number, run: (word: string) => Promise<void>]>> = {
  'create-superadmin': [1, createSuperadmin],
  'create-keys': [0, createKeys],
  keys: [0, printKeys],
  'rotate-keys': [0, rotate],
  'remove-key': [1, remove],
};

const run = understood(process.argv.slice(2));
if (!run) {
  console.error(usage);
  process.exit(2);
}
try {
  await run();
  process.exit(0);
} catch (error) {
  const { message, code } = error as NodeJS.ErrnoException;
  console.error(message || code); // an address with several refused connections has a code, but no message
  process.exit(1);
}

/** What was said; undefined where it means nothing. Never repeats a word: it may be a password. */
function understood(args: string[]): (() => Promise<void>) | undefined {
  const parsed = parse(args);
  if (!parsed) return undefined;
  const { said, options, isNow } = parsed;
  const [first = '', second = '', ...rest] = said;
  const { as, ...others } = options;
  const given = Object.keys(others);
  const ownVerb = own[first];
  if (ownVerb) {
    const [words, run] = ownVerb;
    const fits = said.length === words + 1 && given.length === 0 && as === undefined && (!isNow || first === 'rotate-keys');
    return fits ? () => (isNow ? rotateNow() : run(second)) : undefined;
  }
  if (isNow) return undefined;
  if (first === 'seed') return said.length === 2 && given.length === 0 ? () => sow(as, second) : undefined;
  const verb = verbs[`${first} ${second}`];
  if (verb?.words.length !== rest.length || !given.every((name) => verb.options?.includes(name))) return undefined;
  return () => asSuperadmin(as, async (commander) => console.log(await verb.run(commander, { words: rest, options })));
}

function parse(args: string[]) {
  const names = ['as', ...Object.values(verbs).flatMap(({ options = [] }) => options)];
  const options = Object.fromEntries([...names.map((name) => [name, { type: 'string' }] as const), ['now', { type: 'boolean' }] as const]);
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const { now, ...texts } = values as { now?: boolean } & Record<string, string>;
    return { said: positionals, options: texts as Readonly<Record<string, string | undefined>>, isNow: now === true };
  } catch {
    return undefined;
  }
}

function sow(as: string | undefined, file: string) {
  return asSuperadmin(as, async (commander) => {
    const lines = await plant(commander, file);
    console.log(lines.length > 0 ? lines.join('\n') : 'Everything is there already.');
  });
}

async function createSuperadmin(email: string) {
  const config = readConfig();
  if (emailKey(email) === undefined) throw new Error(`${email} is not an e-mail address that we take.`);
  const db = await openDatabase(config, createLogger('silent'));
  try {
    const password = await readPassword();
    const faults = Object.values(validateAccount(config, { email, password })).flat();
    if (faults.length > 0) throw new Error(faults.join('\n'));
    const by = { client: { network: 'local', agent: 'create-superadmin', requestId: randomUUID() }, viewer: null };
    // Whoever runs commands on the server vouches for the address.
    const account = { email, password, role: 'SUPERADMIN', profile: { emailConfirmedAt: new Date() } };
    const id = await createAccount(db, by, account);
    if (id === null)
      throw new Error(
        `${email} has an account already. Name another address; its superadmin can then make this one a superadmin by grantRole.`,
      );
    console.log(`${email} is a superadmin.`);
  } finally {
    await db.close();
  }
}

/** The two settings in the form that a shell, Node and systemd read from an environment file. */
async function createKeys() {
  for (const [name, value] of Object.entries(await generateKeys())) console.log(`${name}='${value}'`);
}
