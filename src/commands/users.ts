import { superadminCommand } from './as-superadmin.ts';
import { callMutation, userIdByEmail } from './call-mutation.ts';
import { exportUser } from './export/export-user.ts';
import { importUsers } from './import/import-users.ts';

/** A command for one user, by a mutation that returns `changed`. */
const userCommand = (mutation: string, messages: { readonly changed: string; readonly unchanged: string }) =>
  superadminCommand({
    positionals: ['email'],
    async run(commander, { positionals: [email = ''] }) {
      const id = await userIdByEmail(commander, email);
      const { changed } = await callMutation<{ changed: boolean }>(commander, mutation, { id }, 'changed');
      return `${email} ${changed ? messages.changed : messages.unchanged}.`;
    },
  });

const grantCommand = (mutation: 'grantRole' | 'revokeRole', messages: { readonly changed: string; readonly unchanged: string }) =>
  superadminCommand({
    positionals: ['email', 'role'],
    options: mutation === 'grantRole' ? ['domain', 'expires'] : ['domain'],
    async run(commander, { positionals: [email = '', role = ''], options: { domain, expires: expiresAt } }) {
      const input = { userId: await userIdByEmail(commander, email), role, domain, ...(expiresAt && { expiresAt }) };
      const { changed } = await callMutation<{ changed: boolean }>(commander, mutation, input, 'changed');
      return `${email} ${changed ? messages.changed : messages.unchanged} ${role}${domain ? ` in ${domain}` : ''}.`;
    },
  });

/** The commands for users. */
export const userCommands = {
  'users create': superadminCommand({
    positionals: ['email'],
    options: ['display-name', 'role', 'domain'],
    async run(commander, { positionals: [email = ''], options: { 'display-name': displayName, role, domain } }) {
      await callMutation(commander, 'createUser', { email, displayName, role, domain });
      return `Created an account for ${email} and queued an email to choose a password.`;
    },
  }),
  'users delete': userCommand('deleteUser', { changed: 'is deleted and can be restored', unchanged: 'was already deleted' }),
  'users restore': userCommand('restoreUser', { changed: 'is restored', unchanged: 'was not deleted' }),
  'users enable': userCommand('enableUser', { changed: 'is enabled', unchanged: 'was already enabled' }),
  'users disable': userCommand('disableUser', { changed: 'is disabled', unchanged: 'was already disabled' }),
  'users unlock': userCommand('unlockUser', { changed: 'can log in without waiting', unchanged: 'had no failed attempts' }),
  'users grant': grantCommand('grantRole', { changed: 'now has', unchanged: 'already has' }),
  'users revoke': grantCommand('revokeRole', { changed: 'no longer has', unchanged: 'did not have' }),
  'users reset-access': superadminCommand({
    positionals: ['email'],
    async run(commander, { positionals: [email = ''] }) {
      const { ended } = await callMutation<{ ended: number }>(
        commander,
        'resetUserAccess',
        { id: await userIdByEmail(commander, email) },
        'ended',
      );
      return `Revoked ${ended} sessions and API tokens of ${email}.`;
    },
  }),
  'users send-password-reset': superadminCommand({
    positionals: ['email'],
    async run(commander, { positionals: [email = ''] }) {
      await callMutation(commander, 'sendPasswordReset', { id: await userIdByEmail(commander, email) });
      return `Queued a password reset email to ${email}.`;
    },
  }),
  'users import': importUsers,
  'users export': exportUser,
  'users confirm': superadminCommand({
    positionals: ['email'],
    async run(commander, { positionals: [email = ''] }) {
      await callMutation(commander, 'updateUser', { id: await userIdByEmail(commander, email), emailConfirmed: true });
      return `${email} is confirmed.`;
    },
  }),
};
