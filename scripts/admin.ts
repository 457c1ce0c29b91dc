import { randomUUID } from 'node:crypto';
import { accountFaults, createAccount } from '../src/auth/account.ts';
import { emailKey } from '../src/auth/email.ts';
import { readConfig } from '../src/config.ts';
import { connect } from '../src/db.ts';
import { createLog } from '../src/log.ts';
import { newKeys } from '../src/token/keys.ts';
import { printKeys, remove, rotate, rotateNow } from './admin-keys.ts';
import { readPassword } from './read-password.ts';

const usage = `Usage:
  npm run admin -- create-superadmin <email>   makes an administrator of the whole platform; asks for the password,
                                               or reads it as one line of standard input
  npm run --silent admin -- create-keys        prints new JWT_KEYS and ENCRYPTION_KEYS for production
  npm run --silent admin -- keys               lists the keys that sign access tokens, their states and times
  npm run admin -- rotate-keys [--now]         makes a key that signs in 10 minutes; with --now at once
  npm run admin -- remove-key <kid>            removes a key: what it signed is refused within a second`;

/** What can be said, with how many words more. */
const verbs: Readonly<Record<string, readonly [words: number, run: (word: string) => Promise<void>]>> = {
  'create-superadmin': [1, createSuperadmin],
  'create-keys': [0, createKeys],
  keys: [0, printKeys],
  'rotate-keys': [0, rotate],
  'rotate-keys --now': [0, rotateNow],
  'remove-key': [1, remove],
};

const [verb = '', ...words] = process.argv.slice(2);
const isNow = words.at(-1) === '--now';
const [expected, run] = Object.entries(verbs).find(([name]) => name === (isNow ? `${verb} --now` : verb))?.[1] ?? [];
const said = isNow ? words.slice(0, -1) : words;
if (!run || said.length !== expected) {
  console.error(usage);
  process.exit(2);
}
try {
  await run(said[0] ?? '');
  process.exit(0);
} catch (error) {
  const { message, code } = error as NodeJS.ErrnoException;
  console.error(message || code); // an address with several refused connections has a code, but no message
  process.exit(1);
}

async function createSuperadmin(email: string) {
  const config = readConfig();
  if (emailKey(email) === undefined) throw new Error(`${email} is not an e-mail address that we take.`);
  const db = await connect(config, createLog({ LOG_LEVEL: 'silent' }));
  try {
    const password = await readPassword();
    const faults = Object.values(accountFaults(config, { email, password })).flat();
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
  for (const [name, value] of Object.entries(await newKeys())) console.log(`${name}='${value}'`);
}
