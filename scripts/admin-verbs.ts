import { purgeTokens } from '../src/identity/tokens/purge-tokens.ts';
import type { Commander } from './admin-as.ts';
import { call, named, userOf } from './admin-things.ts';

/** What was said behind a verb: its words in order, and its options. */
interface Said {
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, string | undefined>>;
}

/** A verb that is one operation of the API: how it is said, and how it is done. Answers the line that it prints. */
interface Verb {
  readonly words: readonly string[];
  readonly options?: readonly string[];
  run(commander: Commander, said: Said): Promise<string>;
}

const word = ({ words }: Said, index = 0) => words[index] ?? '';

/** A verb about one user, by a mutation whose payload says whether anything changed. */
const onUser = (mutation: string, done: string, not: string): Verb => ({
  words: ['email'],
  async run(commander, said) {
    const id = await userOf(commander, word(said));
    const { changed } = await call<{ changed: boolean }>(commander, mutation, { id }, 'changed');
    return `${word(said)} ${changed ? done : not}.`;
  },
});

const onGrant = (mutation: 'grantRole' | 'revokeRole', done: string, not: string): Verb => ({
  words: ['email', 'role'],
  options: mutation === 'grantRole' ? ['domain', 'expires'] : ['domain'],
  async run(commander, said) {
    const { domain, expires: expiresAt } = said.options;
    const [email, role] = [word(said), word(said, 1)];
    const input = { userId: await userOf(commander, email), role, domain, ...(expiresAt && { expiresAt }) };
    const { changed } = await call<{ changed: boolean }>(commander, mutation, input, 'changed');
    return `${email} ${changed ? done : not} ${role}${domain ? ` in ${domain}` : ''}.`;
  },
});

const onDomain = (input: object, done: string): Verb => ({
  words: ['name'],
  async run(commander, said) {
    await call(commander, 'updateDomain', { id: await named(commander, 'Domain', word(said)), ...input });
    return `${word(said)} ${done}.`;
  },
});

const deleting = (type: 'Role' | 'Domain'): Verb => ({
  words: ['name'],
  async run(commander, said) {
    await call(commander, `delete${type}`, { id: await named(commander, type, word(said)) });
    return `${word(said)} is deleted.`;
  },
});

/** The verbs that act on what the server keeps, each by the API as a superadmin. */
export const verbs: Readonly<Record<string, Verb>> = {
  'users create': {
    words: ['email'],
    options: ['display-name', 'role', 'domain'],
    async run(commander, said) {
      const { 'display-name': displayName, role, domain } = said.options;
      await call(commander, 'createUser', { email: word(said), displayName, role, domain });
      return `${word(said)} has an account, and is sent a letter to choose a password.`;
    },
  },
  'users delete': onUser('deleteUser', 'is deleted, and can be restored', 'was deleted already'),
  'users restore': onUser('restoreUser', 'is restored', 'was not deleted'),
  'users enable': onUser('enableUser', 'is enabled', 'was enabled already'),
  'users disable': onUser('disableUser', 'is disabled', 'was disabled already'),
  'users grant': onGrant('grantRole', 'now holds', 'already holds'),
  'users revoke': onGrant('revokeRole', 'no longer holds', 'did not hold'),
  'users reset-access': {
    words: ['email'],
    async run(commander, said) {
      const { ended } = await call<{ ended: number }>(commander, 'resetUserAccess', { id: await userOf(commander, word(said)) }, 'ended');
      return `${ended} sessions and API tokens of ${word(said)} have ended.`;
    },
  },
  'users send-password-reset': {
    words: ['email'],
    async run(commander, said) {
      await call(commander, 'sendPasswordReset', { id: await userOf(commander, word(said)) });
      return `${word(said)} is sent a letter.`;
    },
  },
  'users confirm': {
    words: ['email'],
    async run(commander, said) {
      await call(commander, 'updateUser', { id: await userOf(commander, word(said)), emailConfirmed: true });
      return `The address ${word(said)} is confirmed.`;
    },
  },
  'tokens purge': {
    words: [],
    run: async ({ db }) => `${await purgeTokens(db)} tokens are forgotten that ended longer ago than 30 days.`,
  },
  'roles create': {
    words: ['name'],
    options: ['description', 'permissions'],
    async run(commander, said) {
      const { description, permissions } = said.options;
      const input = { name: word(said), description, permissions: permissions?.split(',') };
      await call(commander, 'createRole', input);
      return `${word(said)} is a role.`;
    },
  },
  'roles delete': deleting('Role'),
  'domains create': {
    words: ['name'],
    options: ['display-name', 'parent'],
    async run(commander, said) {
      const { parent, 'display-name': displayName = word(said) } = said.options;
      const input = { name: word(said), displayName, parent };
      await call(commander, 'createDomain', input);
      return `${word(said)} is a domain.`;
    },
  },
  'domains enable': onDomain({ active: true }, 'is active'),
  'domains disable': onDomain({ active: false }, 'is shut'),
  'domains delete': deleting('Domain'),
};
