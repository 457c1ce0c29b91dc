import { randomUUID } from 'node:crypto';
import { decodeGlobalID, encodeGlobalID } from '@pothos/plugin-relay';
import { any, type Rule } from '../../src/authorization/rules/rule.ts';
import { admin, domainAdmin, session, superadmin } from '../../src/policy/conditions.ts';
import { manageStatusRule } from '../../src/schema/user/access-rules.ts';
import type { TestUser } from '../test-server.ts';
import { invitationLink, invite } from './matrix-invitations.ts';
import {
  authority,
  elsewhere,
  linkOf,
  newRole,
  onDomain,
  onKept,
  onRole,
  onThing,
  onUser,
  plain,
  promised,
  token,
  type Use,
  unique,
} from './matrix-uses.ts';

const email = () => `${randomUUID()}@example.com`;
const scopes = { description: 'For a script', scopes: ['users:read'] };

/** Every mutation, in every way that somebody else may use it. */
export const uses: readonly Use[] = [
  plain('register', async (cell) => ({
    input: { email: `${randomUUID()}@example.com`, password: 'a long and winding passphrase' },
    caller: await elsewhere(cell),
  })),
  plain('login', async (cell) => {
    const { email, password } = cell.matrix.caller(cell.persona, cell.subject) ?? (cell.matrix.selves.get('user') as TestUser);
    return { input: { email, password }, caller: await elsewhere(cell) };
  }),
  plain('refresh', async (cell) => {
    const caller = (await elsewhere(cell)) ?? (await elsewhere({ ...cell, persona: 'self' }));
    return { input: { refreshToken: caller?.refreshToken }, caller: cell.persona === 'anonymous' ? undefined : caller };
  }),
  plain('reauthenticate', async (cell) => ({ input: { password: 'correct horse battery staple' }, caller: await elsewhere(cell) })),
  plain('changePassword', async (cell) => {
    // Somebody made for it: the persona's password is needed.
    const caller = cell.persona === 'anonymous' ? undefined : await cell.matrix.user();
    return { input: { currentPassword: caller?.password ?? 'none', newPassword: 'another horse, another battery' }, caller };
  }),
  ...['requestPasswordReset', 'resendConfirmation', 'recoverUsername'].map((verb) =>
    plain(verb, async () => ({ input: { email: `${randomUUID()}@example.com` } })),
  ),
  plain('confirmEmail', async (cell) => ({ input: { token: await linkOf(cell, 'CONFIRM_EMAIL') } })),
  plain('resetPassword', async (cell) => ({
    input: { token: await linkOf(cell, 'RESET_PASSWORD'), newPassword: 'another horse, another battery' },
  })),
  plain('changeUsername', async () => ({ input: { username: `a${unique()}` } })),
  plain('createUser', async () => ({ input: { email: email() } })),
  plain('createUser', async () => ({ input: { email: email(), role: 'READER' } }), {
    as: 'with a role',
    needs: session,
    place: 'CreateUserInput.role',
  }),
  plain('createUser', async () => ({ input: { email: email(), domain: 'inside' } }), {
    as: 'in the domain',
    needs: session,
    place: 'CreateUserInput.domain',
  }),
  plain('createUser', async () => ({ input: { email: email(), role: 'ADMIN' } }), { as: 'as ADMIN', needs: superadmin }),
  invitationTo('USER', 'inside', any(domainAdmin, admin)),
  invitationTo('USER', undefined, admin),
  invitationTo('ADMIN', 'inside', superadmin),
  plain('acceptInvitation', async (cell) => ({
    input: { token: await invitationLink(cell.matrix, promised(cell)), password: 'another horse, another battery' },
    row: { type: 'Invitation', kind: 'user' },
    shows: { user: null },
  })),
  plain('revokeInvitation', async (cell) => {
    const { id } = await invite(cell.matrix, promised(cell));
    const row = { type: 'Invitation', kind: 'user' } as const;
    return { input: { id: encodeGlobalID('Invitation', id) }, row, shows: { invitation: row } };
  }),
  plain('requestEmailChange', async () => ({ input: { newEmail: `${randomUUID()}@example.com` } })),
  plain('confirmEmailChange', async (cell) => ({
    input: { token: await linkOf(cell, 'CHANGE_EMAIL', `${randomUUID()}@example.com`), password: 'correct horse battery staple' },
  })),
  plain('undoEmailChange', async (cell) => ({ input: { token: await linkOf(cell, 'UNDO_EMAIL_CHANGE', `${randomUUID()}@example.com`) } })),
  plain('deleteAccount', async (cell) => {
    // Somebody made for it: the account is needed.
    const caller = cell.persona === 'anonymous' ? undefined : await cell.matrix.user();
    return { input: { password: caller?.password ?? 'none' }, caller };
  }),
  plain('logout', async (cell) => ({ caller: await elsewhere(cell) })),
  plain('logoutEverywhere', async () => ({ input: { exceptCurrent: true } })),
  plain('createApiToken', async () => ({ input: scopes })),
  plain(
    'createApiToken',
    async (cell) => {
      const caller = await elsewhere(cell);
      const { id } = caller ? decodeGlobalID(caller.tokenId) : {};
      const authenticatedAt = new Date(Date.now() - 3_600_000);
      if (id) await cell.matrix.db.prisma.token.update({ where: { id }, data: { authenticatedAt } });
      return { input: scopes, caller };
    },
    { as: 'an hour after the proof', provedLongAgo: true },
  ),
  plain('updateProfile', async () => ({ input: { firstName: 'New' } })),
  plain('createRole', async () => ({ input: { name: `R_${unique().toUpperCase()}` } })),
  onRole('updateRole'),
  onRole('deleteRole'),
  plain('createDomain', async () => ({ input: { name: `d-${unique()}`, displayName: 'New' } })),
  onDomain('updateDomain', 'displayName', { displayName: 'Renamed' }),
  onDomain('updateDomain', 'active', { active: false }, 'UpdateDomainInput.active'),
  onDomain('updateDomain', 'parent', { parent: 'above' }, 'UpdateDomainInput.parent'),
  onDomain('deleteDomain', '', {}),
  onUser('updateUser', {}, (id) => ({ id, firstName: 'New' })),
  onUser(
    'updateUser',
    { as: 'emailConfirmed', place: 'UpdateUserInput.emailConfirmed', needs: manageStatusRule, neverOneself: true },
    (id) => ({
      id,
      emailConfirmed: true,
    }),
  ),
  onUser('enableUser', { neverOneself: true }, (id) => ({ id })),
  onUser('disableUser', { neverOneself: true }, (id) => ({ id })),
  onUser('deleteUser', { neverOneself: true }, (id) => ({ id })),
  onUser('deleteUser', { as: 'for good', neverOneself: true, place: 'DeleteUserInput.erase', needs: superadmin }, (id) => ({
    id,
    erase: true,
  })),
  onUser('restoreUser', {}, (id) => ({ id })),
  onUser('sendPasswordReset', {}, (id) => ({ id })),
  onUser('resetUserAccess', { neverOneself: true }, (id) => ({ id })),
  onUser('setSetting', {}, (userId) => ({ userId, key: unique(), value: 'v' })),
  onKept('deleteSetting', 'UserSetting'),
  onThing('revokeToken', 'session in the domain', 'Token', (userId, cell) => token(userId, cell, { domainId: cell.matrix.domains.inside })),
  onThing('revokeToken', 'session elsewhere', 'Token', (userId, cell) => token(userId, cell, {}), { isElsewhere: true }),
  onThing(
    'revokeToken',
    'API token in the domain',
    'Token',
    (userId, cell) => token(userId, cell, { kind: 'API', domainId: cell.matrix.domains.inside }),
    { isElsewhere: true },
  ),
  onUser('revokeTokens', {}, (userId) => ({ userId, kind: 'API' })), // the sessions of the caller are needed
  ...['grantRole', 'revokeRole'].flatMap((mutation) => [
    onUser(mutation, { as: 'USER in the domain' }, async (userId) => ({ userId, role: 'USER', domain: 'inside' })),
    onUser(mutation, { as: 'custom in the domain' }, async (userId, cell) => ({
      userId,
      role: await newRole(cell, 'users:read'),
      domain: 'inside',
    })),
    onUser(mutation, { as: 'READER in the domain' }, async (userId) => ({ userId, role: 'READER', domain: 'inside' })),
    onUser(mutation, { as: 'READER below' }, async (userId) => ({ userId, role: 'READER', domain: 'below' })),
    onUser(mutation, { as: 'custom with another permission', needs: authority }, async (userId, cell) => ({
      userId,
      role: await newRole(cell, 'settings:read'),
      domain: 'inside',
    })),
    onUser(mutation, { as: 'custom abroad', needs: admin }, async (userId, cell) => ({
      userId,
      role: await newRole(cell),
      domain: 'abroad',
    })),
    onUser(mutation, { as: 'custom everywhere', needs: admin }, async (userId, cell) => ({ userId, role: await newRole(cell) })),
    onUser(mutation, { as: 'ADMIN in the domain', needs: superadmin }, (userId) => ({ userId, role: 'ADMIN', domain: 'inside' })),
    onUser(mutation, { as: 'ADMIN everywhere', needs: superadmin }, (userId) => ({ userId, role: 'ADMIN' })),
    onUser(mutation, { as: 'SUPERADMIN', needs: superadmin }, (userId) => ({ userId, role: 'SUPERADMIN' })),
  ]),
];

/** An invitation to a role. */
function invitationTo(role: string, domain: string | undefined, needs: Rule): Use {
  const shows = { invitation: { type: 'Invitation', kind: 'user' } } as const;
  const arrange = async () => ({ input: { email: email(), role, domain }, row: { type: 'Domain', kind: 'active domain' } as const, shows });
  return plain('inviteUser', arrange, { as: `to ${role} ${domain ?? 'everywhere'}`, needs });
}
