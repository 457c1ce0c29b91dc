import { type ConfiguredKeys, generateKeys } from '../identity/keys/configured-keys.ts';
import type { KeyWithState } from '../identity/keys/key-states.ts';
import { claimKeys, replaceKeysInUse } from '../identity/keys/keys-in-use.ts';
import { listKeys, publicationPeriod, removeKey, rotateKeys } from '../identity/keys/rotate-keys.ts';
import { type Command, type CommandContext, type DatabaseCommand, exitCodes } from './command.ts';

const create: Command = {
  description: ['prints new JWT_KEYS and ENCRYPTION_KEYS for production'],
  // Lines of an environment file, as read by shells, Node.js and systemd.
  async runLocally(_, { out }) {
    for (const [name, value] of Object.entries(await generateKeys())) out(`${name}='${value}'`);
    return exitCodes.done;
  },
};

const list: DatabaseCommand = {
  description: ['lists the signing keys with their states and times'],
  async run(context) {
    const rows = (await listKeys(context.db, await claimedKeys(context))).map((key) => [
      key.kid,
      key.state,
      key.createdAt ? `created ${key.createdAt.toISOString()}` : 'from JWT_KEYS',
      formatTime('signs from', key.activeFrom),
      formatTime(endLabels[key.state], key.acceptedUntil),
    ]);
    const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
    for (const row of rows) {
      const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
      context.print(cells.join('  ').trimEnd());
    }
    return exitCodes.done;
  },
};

const rotate: DatabaseCommand = {
  description: ['creates a key that signs in 10 minutes, or immediately with --now'],
  flags: ['now'],
  async run(context, { flags }) {
    const [delay, effect] = flags.includes('now')
      ? [0, 'signs now; resource servers that cached the keys do not know it yet']
      : [publicationPeriod, 'is published now and signs in 10 minutes'];
    context.print(`${await rotateKeys(context.db, await claimedKeys(context), delay)} ${effect}.`);
    return exitCodes.done;
  },
};

const remove: DatabaseCommand = {
  description: ['removes a key; its tokens are rejected within a second'],
  positionals: ['kid'],
  async run(context, { positionals: [kid = ''] }) {
    const { db, print } = context;
    const configured = await claimedKeys(context);
    const removed = await removeKey(db, configured, kid);
    if (!removed) throw new Error('No key has that id; list the keys with `npm run admin -- keys`.');
    print(`${kid} is removed. Tokens signed with it are rejected from now on.`);
    if (removed.successor) print(`${removed.successor} signs now.`);
    if (configured.pairs.some((pair) => pair.kid === kid)) print('If JWT_KEYS has another key, remove this one from it as well.');
    return exitCodes.done;
  },
};

const accept: DatabaseCommand = {
  description: ['makes nodes start with the configured keys after the earlier ones were lost'],
  async run({ db, isServer, loadKeys, print }) {
    if (isServer) throw new Error('The server runs, so it has the keys in use. To start it with other keys, stop it first.');
    await replaceKeysInUse(db, await loadKeys());
    print('Nodes with these keys start from now on.');
    return exitCodes.done;
  },
};

/** The commands for signing keys. */
export const keyCommands = {
  'create-keys': create,
  keys: list,
  'rotate-keys': rotate,
  'remove-key': remove,
  'accept-keys': accept,
} as const;

/** A command with other keys than the nodes would encrypt what they cannot decrypt. */
async function claimedKeys({ db, loadKeys }: CommandContext): Promise<ConfiguredKeys> {
  const configured = await loadKeys();
  await claimKeys(db, configured);
  return configured;
}

const endLabels: Readonly<Record<KeyWithState['state'], string>> = {
  published: '',
  active: 'accepted until',
  retiring: 'accepted until',
  retired: 'accepted until',
  removed: 'removed',
};

const formatTime = (label: string, time: Date | null) => (time ? `${label} ${time.toISOString()}` : '');
