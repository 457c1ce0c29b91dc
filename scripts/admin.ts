import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { readConfig } from '../src/config.ts';
import { databaseTime, openDatabase } from '../src/database/database.ts';
import { createAccount, validateAccount } from '../src/identity/accounts/create-account.ts';
import { generateKeys } from '../src/identity/keys/configured-keys.ts';
import { emailKey } from '../src/lib/email-address.ts';
import { createLogger } from '../src/lib/logger.ts';
import { asSuperadmin } from './admin-as.ts';
import { verifyAudit } from './admin-audit.ts';
import { commands } from './admin-commands.ts';
import { accept, printKeys, remove, rotate, rotateNow } from './admin-keys.ts';
import { restored } from './admin-restored.ts';
import { applySeed } from './admin-seed.ts';
import { readPassword } from './read-password.ts';

const usage = `Usage:
  npm run admin -- create-superadmin <email>   creates a superadmin; prompts for the password, or reads it as one line
                                               from standard input
  npm run --silent admin -- create-keys        prints new JWT_KEYS and ENCRYPTION_KEYS for production
  npm run --silent admin -- keys               lists the signing keys with their states and times
  npm run admin -- rotate-keys [--now]         creates a key that signs in 10 minutes, or immediately with --now
  npm run admin -- remove-key <kid>            removes a key; its tokens are rejected within a second
  npm run admin -- restored [--keep-api-tokens]
                                               after a backup was restored: revokes all sessions, links, invitations,
                                               signing keys and, unless they are kept, API tokens
  npm run admin -- accept-keys                 makes nodes start with the configured keys after the earlier ones were lost
  npm run admin -- verify-audit [--head <head>]
                                               recomputes the hash chain over the audit, up to a head from the log
  npm run admin -- seed <file.yaml>            creates the roles, domains, users and grants of the file that do not exist
${Object.entries(commands)
  .map(([name, { positionals, options = [] }]) => {
    const parameters = [...positionals.map((parameter) => `<${parameter}>`), ...options.map((option) => `[--${option} …]`)];
    return `  npm run admin -- ${[name, ...parameters].join(' ')}`;
  })
  .join('\n')}
The commands from \`seed\` on run as a superadmin. If there are several, choose one with --as <email>.
Exit codes: 0 success, or nothing to do; 1 failure, with the reason; 2 invalid arguments;
3 the audit is unchanged, but the given head is too old to be verified.`;

interface LocalCommand {
  readonly parameterCount: number;
  /** The option without a value that it accepts. */
  readonly flag?: (typeof flags)[number];
  run(parameter: string, hasFlag: boolean): Promise<void>;
}

const flags = ['now', 'keep-api-tokens'] as const;

/** The commands that work on the database or the keys directly. */
const localCommands: Readonly<Record<string, LocalCommand>> = {
  'create-superadmin': { parameterCount: 1, run: createSuperadmin },
  'create-keys': { parameterCount: 0, run: createKeys },
  keys: { parameterCount: 0, run: printKeys },
  'rotate-keys': { parameterCount: 0, flag: 'now', run: (_, isNow) => (isNow ? rotateNow() : rotate()) },
  'remove-key': { parameterCount: 1, run: remove },
  restored: { parameterCount: 0, flag: 'keep-api-tokens', run: (_, keepApiTokens) => restored(keepApiTokens) },
  'accept-keys': { parameterCount: 0, run: accept },
};

const run = parseCommand(process.argv.slice(2));
if (!run) {
  console.error(usage);
  process.exit(2);
}
try {
  await run();
  process.exit(); // with the exit code of the command
} catch (error) {
  const { message, code } = error as NodeJS.ErrnoException;
  console.error(message || code); // an AggregateError of several refused connections has no message
  process.exit(1);
}

/** Undefined if the arguments are invalid. Never repeats an argument: it may be a password. */
function parseCommand(args: string[]): (() => Promise<void>) | undefined {
  const parsed = parseArguments(args);
  if (!parsed) return undefined;
  const { positionals, options, given } = parsed;
  const [first = '', second = '', ...rest] = positionals;
  const { as, ...others } = options;
  const optionNames = Object.keys(others);
  const localCommand = localCommands[first];
  if (localCommand) {
    const isValid =
      positionals.length === localCommand.parameterCount + 1 &&
      optionNames.length === 0 &&
      as === undefined &&
      given.every((flag) => flag === localCommand.flag);
    return isValid ? () => localCommand.run(second, given.length > 0) : undefined;
  }
  if (given.length > 0) return undefined;
  if (first === 'verify-audit') {
    const { head, ...unknown } = options;
    return positionals.length === 1 && Object.keys(unknown).length === 0 ? () => verifyAudit(head) : undefined;
  }
  if (first === 'seed') return positionals.length === 2 && optionNames.length === 0 ? () => seed(as, second) : undefined;
  const command = commands[`${first} ${second}`];
  if (command?.positionals.length !== rest.length || !optionNames.every((name) => command.options?.includes(name))) return undefined;
  return () => asSuperadmin(as, async (commander) => console.log(await command.run(commander, { positionals: rest, options })));
}

function parseArguments(args: string[]) {
  const names = ['as', 'head', ...Object.values(commands).flatMap(({ options = [] }) => options)];
  const options = Object.fromEntries([
    ...names.map((name) => [name, { type: 'string' }] as const),
    ...flags.map((flag) => [flag, { type: 'boolean' }] as const),
  ]);
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const given = flags.filter((flag) => flag in values);
    const texts = Object.entries(values).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
    return { positionals, options: Object.fromEntries(texts) as Readonly<Record<string, string | undefined>>, given };
  } catch {
    return undefined;
  }
}

function seed(as: string | undefined, file: string) {
  return asSuperadmin(as, async (commander) => {
    const changes = await applySeed(commander, file);
    console.log(changes.length > 0 ? changes.join('\n') : 'Nothing to change.');
  });
}

async function createSuperadmin(email: string) {
  const config = readConfig();
  if (emailKey(email) === undefined) throw new Error(`${email} is not a valid email address.`);
  const db = await openDatabase(config, createLogger('silent'));
  try {
    const password = await readPassword();
    const faults = validateAccount(config, { email, password }).password ?? [];
    if (faults.length > 0) throw new Error(faults.map((fault) => `The password ${fault}.`).join('\n'));
    const by = { client: { network: 'local', agent: 'create-superadmin', requestId: randomUUID() }, viewer: null };
    // Access to the server counts as confirmation of the address.
    const account = { email, password, role: 'SUPERADMIN', profile: { emailConfirmedAt: await databaseTime(db) } };
    const id = await createAccount(db, by, account);
    if (id === null) {
      throw new Error(`${email} already has an account. Create the superadmin with another address, and grant SUPERADMIN to this account.`);
    }
    console.log(`${email} is a superadmin.`);
  } finally {
    await db.close();
  }
}

/** Prints the settings as lines of an environment file, as read by shells, Node.js and systemd. */
async function createKeys() {
  for (const [name, value] of Object.entries(await generateKeys())) console.log(`${name}='${value}'`);
}
