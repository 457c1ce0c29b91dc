import { purgeTokens } from '../src/identity/tokens/purge-tokens.ts';
import type { Commander } from './admin-as.ts';
import { callMutation, nodeIdByName, userIdByEmail } from './admin-lookup.ts';

/** The arguments behind a command. */
interface Arguments {
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, string | undefined>>;
}

/** A command that performs one operation of the API. */
interface Command {
  /** The names of its positional arguments. */
  readonly positionals: readonly string[];
  readonly options?: readonly string[];
  /** Returns the line to print. */
  run(commander: Commander, args: Arguments): Promise<string>;
}

const positional = ({ positionals }: Arguments, index = 0) => positionals[index] ?? '';

/** A command for one user, by a mutation that returns `changed`. */
const userCommand = (mutation: string, messages: { readonly changed: string; readonly unchanged: string }): Command => ({
  positionals: ['email'],
  async run(commander, args) {
    const email = positional(args);
    const id = await userIdByEmail(commander, email);
    const { changed } = await callMutation<{ changed: boolean }>(commander, mutation, { id }, 'changed');
    return `${email} ${changed ? messages.changed : messages.unchanged}.`;
  },
});

const grantCommand = (
  mutation: 'grantRole' | 'revokeRole',
  messages: { readonly changed: string; readonly unchanged: string },
): Command => ({
  positionals: ['email', 'role'],
  options: mutation === 'grantRole' ? ['domain', 'expires'] : ['domain'],
  async run(commander, args) {
    const { domain, expires: expiresAt } = args.options;
    const [email, role] = [positional(args), positional(args, 1)];
    const input = { userId: await userIdByEmail(commander, email), role, domain, ...(expiresAt && { expiresAt }) };
    const { changed } = await callMutation<{ changed: boolean }>(commander, mutation, input, 'changed');
    return `${email} ${changed ? messages.changed : messages.unchanged} ${role}${domain ? ` in ${domain}` : ''}.`;
  },
});

const updateDomainCommand = (input: object, message: string): Command => ({
  positionals: ['name'],
  async run(commander, args) {
    await callMutation(commander, 'updateDomain', { id: await nodeIdByName(commander, 'Domain', positional(args)), ...input });
    return `${positional(args)} ${message}.`;
  },
});

const deleteCommand = (type: 'Role' | 'Domain'): Command => ({
  positionals: ['name'],
  async run(commander, args) {
    await callMutation(commander, `delete${type}`, { id: await nodeIdByName(commander, type, positional(args)) });
    return `${positional(args)} is deleted.`;
  },
});

/** The commands that run as a superadmin through the API. */
export const commands: Readonly<Record<string, Command>> = {
  'users create': {
    positionals: ['email'],
    options: ['display-name', 'role', 'domain'],
    async run(commander, args) {
      const { 'display-name': displayName, role, domain } = args.options;
      const email = positional(args);
      await callMutation(commander, 'createUser', { email, displayName, role, domain });
      return `Created an account for ${email} and queued an email to choose a password.`;
    },
  },
  'users delete': userCommand('deleteUser', { changed: 'is deleted and can be restored', unchanged: 'was already deleted' }),
  'users restore': userCommand('restoreUser', { changed: 'is restored', unchanged: 'was not deleted' }),
  'users enable': userCommand('enableUser', { changed: 'is enabled', unchanged: 'was already enabled' }),
  'users disable': userCommand('disableUser', { changed: 'is disabled', unchanged: 'was already disabled' }),
  'users unlock': userCommand('unlockUser', { changed: 'can log in without waiting', unchanged: 'had no failed attempts' }),
  'users grant': grantCommand('grantRole', { changed: 'now has', unchanged: 'already has' }),
  'users revoke': grantCommand('revokeRole', { changed: 'no longer has', unchanged: 'did not have' }),
  'users reset-access': {
    positionals: ['email'],
    async run(commander, args) {
      const email = positional(args);
      const { ended } = await callMutation<{ ended: number }>(
        commander,
        'resetUserAccess',
        { id: await userIdByEmail(commander, email) },
        'ended',
      );
      return `Revoked ${ended} sessions and API tokens of ${email}.`;
    },
  },
  'users send-password-reset': {
    positionals: ['email'],
    async run(commander, args) {
      const email = positional(args);
      await callMutation(commander, 'sendPasswordReset', { id: await userIdByEmail(commander, email) });
      return `Queued a password reset email to ${email}.`;
    },
  },
  'users confirm': {
    positionals: ['email'],
    async run(commander, args) {
      const email = positional(args);
      await callMutation(commander, 'updateUser', { id: await userIdByEmail(commander, email), emailConfirmed: true });
      return `${email} is confirmed.`;
    },
  },
  'tokens purge': {
    positionals: [],
    run: async ({ db }) => `Deleted ${await purgeTokens(db)} tokens that expired or were revoked more than 30 days ago.`,
  },
  'roles create': {
    positionals: ['name'],
    options: ['description', 'permissions'],
    async run(commander, args) {
      const { description, permissions } = args.options;
      await callMutation(commander, 'createRole', { name: positional(args), description, permissions: permissions?.split(',') });
      return `Created the role ${positional(args)}.`;
    },
  },
  'roles delete': deleteCommand('Role'),
  'domains create': {
    positionals: ['name'],
    options: ['display-name', 'parent'],
    async run(commander, args) {
      const name = positional(args);
      const { parent, 'display-name': displayName = name } = args.options;
      await callMutation(commander, 'createDomain', { name, displayName, parent });
      return `Created the domain ${name}.`;
    },
  },
  'domains enable': updateDomainCommand({ active: true }, 'is enabled'),
  'domains disable': updateDomainCommand({ active: false }, 'is disabled'),
  'domains delete': deleteCommand('Domain'),
};
