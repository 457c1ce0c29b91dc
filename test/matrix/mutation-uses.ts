import { decodeGlobalID, encodeGlobalID } from '@pothos/plugin-relay';
import { any, type Rule } from '../../src/authorization/rules/rule.ts';
import { setupToken } from '../../src/identity/accounts/first-superadmin.ts';
import { admin, domainAdmin, session, superadmin } from '../../src/policy/conditions.ts';
import type { Model } from '../../src/policy/models.ts';
import { schema } from '../../src/schema/schema.ts';
import { manageStatusRule } from '../../src/schema/user/access-rules.ts';
import { access } from '../authorization/access.ts';
import type { TestUser } from '../test-server.ts';
import { inputFieldsOf, isTargetId, sampleInput } from './input-samples.ts';
import { createInvitation, invitationLinkToken } from './seed-invitations.ts';
import {
  directAuthority,
  emailLinkToken,
  invitationData,
  type MutationUse,
  newEmail,
  newRole,
  newSessionOf,
  onDomain,
  onOwned,
  onRole,
  onToken,
  onUser,
  plain,
  unique,
  withoutSuperadmins,
} from './use.ts';

const newPassword = 'another horse, another battery';
const apiToken = { description: 'For a script', scopes: ['users:read'] };

/** The uses that the schema alone does not tell: a mutation needs an entry if its input, its target or its caller is special. */
const specialUses: readonly MutationUse[] = [
  plain('register', async (context) => ({
    input: { email: newEmail(), password: 'a long and winding passphrase' },
    caller: await newSessionOf(context),
  })),
  plain(
    'createFirstSuperadmin',
    async ({ matrix }) => {
      const { undo } = await withoutSuperadmins(matrix.db);
      return { input: { token: setupToken(matrix), email: newEmail(), password: 'a long and winding passphrase' }, undo };
    },
    { oneByOne: true },
  ),
  plain('login', async (context) => {
    const { matrix, persona, subject } = context;
    const { email, password } = matrix.caller(persona, subject) ?? (matrix.subjectUsers.get('user') as TestUser);
    return { input: { email, password }, caller: await newSessionOf(context) };
  }),
  plain('refresh', async (context) => {
    const caller = (await newSessionOf(context)) ?? (await newSessionOf({ ...context, persona: 'self' }));
    return { input: { refreshToken: caller?.refreshToken }, caller: context.persona === 'anonymous' ? undefined : caller };
  }),
  plain('reauthenticate', async (context) => ({
    input: { password: 'correct horse battery staple' },
    caller: await newSessionOf(context),
  })),
  byNewUser('changePassword', (caller) => ({ currentPassword: caller?.password ?? 'none', newPassword })),
  byNewUser('deleteAccount', (caller) => ({ password: caller?.password ?? 'none' })),
  plain('confirmEmail', async (context) => ({ input: { token: await emailLinkToken(context, 'CONFIRM_EMAIL') } })),
  plain('resetPassword', async (context) => ({ input: { token: await emailLinkToken(context, 'RESET_PASSWORD'), newPassword } })),
  plain('confirmEmailChange', async (context) => ({
    input: { token: await emailLinkToken(context, 'CHANGE_EMAIL', newEmail()), password: 'correct horse battery staple' },
  })),
  plain('undoEmailChange', async (context) => ({ input: { token: await emailLinkToken(context, 'UNDO_EMAIL_CHANGE', newEmail()) } })),
  plain('createUser', async () => ({ input: { email: newEmail() } })),
  plain('createUser', async () => ({ input: { email: newEmail(), role: 'READER' } }), {
    label: 'with a role',
    needs: session,
    inputField: 'CreateUserInput.role',
  }),
  plain('createUser', async () => ({ input: { email: newEmail(), domain: 'inside' } }), {
    label: 'in the domain',
    needs: session,
    inputField: 'CreateUserInput.domain',
  }),
  plain('createUser', async () => ({ input: { email: newEmail(), role: 'ADMIN' } }), { label: 'as ADMIN', needs: superadmin }),
  inviteTo('USER', 'inside', any(domainAdmin, admin)),
  inviteTo('USER', undefined, admin),
  inviteTo('ADMIN', 'inside', superadmin),
  plain('acceptInvitation', async (context) => ({
    input: { token: await invitationLinkToken(context.matrix, invitationData(context)), password: newPassword },
    row: { type: 'Invitation', kind: 'user' },
    shows: { user: null },
  })),
  plain('revokeInvitation', async (context) => {
    const { id } = await createInvitation(context.matrix, invitationData(context));
    const row = { type: 'Invitation', kind: 'user' } as const;
    return { input: { id: encodeGlobalID('Invitation', id) }, row, shows: { invitation: row } };
  }),
  plain('logout', async (context) => ({ caller: await newSessionOf(context) })),
  plain('logoutEverywhere', async () => ({ input: { exceptCurrent: true } })), // the other uses need the session of the caller
  plain('createApiToken', async () => ({ input: apiToken })),
  plain(
    'createApiToken',
    async (context) => {
      const caller = await newSessionOf(context);
      const { id } = caller ? decodeGlobalID(caller.tokenId) : {};
      const authenticatedAt = new Date(Date.now() - 3_600_000);
      if (id) await context.matrix.db.prisma.token.update({ where: { id }, data: { authenticatedAt } });
      return { input: apiToken, caller };
    },
    { label: 'an hour after the proof', notFresh: true },
  ),
  plain('createRole', async () => ({ input: { name: `R_${unique().toUpperCase()}` } })),
  plain('createDomain', async () => ({ input: { name: `d-${unique()}`, displayName: 'New' } })),
  onDomain('updateDomain', 'displayName', { displayName: 'Renamed' }),
  onDomain('updateDomain', 'active', { active: false }, 'UpdateDomainInput.active'),
  onDomain('updateDomain', 'parent', { parent: 'above' }, 'UpdateDomainInput.parent'),
  onUser('updateUser', {}, (id) => ({ id, firstName: 'New' })),
  onUser(
    'updateUser',
    { label: 'emailConfirmed', inputField: 'UpdateUserInput.emailConfirmed', needs: manageStatusRule, notOnOneself: true },
    (id) => ({ id, emailConfirmed: true }),
  ),
  onUser('deleteUser', { notOnOneself: true }, (id) => ({ id })),
  onUser('deleteUser', { label: 'permanently', notOnOneself: true, inputField: 'DeleteUserInput.erase', needs: superadmin }, (id) => ({
    id,
    erase: true,
  })),
  ...['enableUser', 'disableUser', 'resetUserAccess'].map((mutation) => onUser(mutation, { notOnOneself: true }, (id) => ({ id }))),
  onUser('unlockUser', {}, (id) => ({ id })),
  sessionInDomain('revokeToken'),
  onToken('revokeToken', 'session elsewhere', false),
  apiTokenInDomain('revokeToken'),
  onUser('revokeTokens', {}, (userId) => ({ userId, kind: 'API' })), // the other uses need the sessions of the caller
  ...['grantRole', 'revokeRole'].flatMap(grantUses),
];

/** They change the roles of the personas, so the others come first. */
const changingRoles = ['grantRole', 'revokeRole'];

/** Every use of every mutation of the schema. */
export const mutationUses: readonly MutationUse[] = Object.keys(schema.getMutationType()?.getFields() ?? {})
  .toSorted((a, b) => changingRoles.indexOf(a) - changingRoles.indexOf(b))
  .flatMap((mutation) => {
    const special = specialUses.filter((use) => use.mutation === mutation);
    return special.length > 0 ? special : [derivedUse(mutation)];
  });

/** The use that the schema tells: a target by what the mutation declares, and a sample of every required input field. */
function derivedUse(mutation: string): MutationUse {
  const idField = inputFieldsOf(mutation).find(isTargetId)?.name;
  const model = access.mutationTargets.get(`Mutation.${mutation}`)?.model as Model | undefined;
  const input = () => sampleInput(mutation);
  if (!idField) return plain(mutation, async () => ({ input: input() }));
  if (model === 'Role') return onRole(mutation, input());
  if (model === 'Domain') return onDomain(mutation, '', input());
  if (model === 'User' || idField === 'userId') return onUser(mutation, {}, (id) => ({ [idField]: id, ...input() }));
  if (model === 'Token') return onToken(mutation, '', false, {}, input());
  if (model) return onOwned(mutation, model, input(), idField);
  throw new Error(`${mutation} needs an entry in test/matrix/mutation-uses.ts: it declares no target`);
}

/** A use by a user who is created for it, as it ends the sessions or the account of the caller. */
function byNewUser(mutation: string, inputFor: (caller: TestUser | undefined) => object): MutationUse {
  return plain(mutation, async ({ matrix, persona }) => {
    const caller = persona === 'anonymous' ? undefined : await matrix.user();
    return { input: inputFor(caller), caller };
  });
}

function inviteTo(role: string, domain: string | undefined, needs: Rule): MutationUse {
  const shows = { invitation: { type: 'Invitation', kind: 'user' } } as const;
  const row = { type: 'Domain', kind: 'active domain' } as const;
  return plain('inviteUser', async () => ({ input: { email: newEmail(), role, domain }, row, shows }), {
    label: `to ${role} ${domain ?? 'everywhere'}`,
    needs,
  });
}

function sessionInDomain(mutation: string): MutationUse {
  return inDomain(mutation, 'session in the domain', true, {});
}

/** API tokens belong to no domain, whatever their row says. */
function apiTokenInDomain(mutation: string): MutationUse {
  return inDomain(mutation, 'API token in the domain', false, { kind: 'API' });
}

function inDomain(mutation: string, label: string, isOfDomain: boolean, more: object): MutationUse {
  const use = onToken(mutation, label, isOfDomain);
  const prepare: MutationUse['prepare'] = (context) =>
    onToken(mutation, label, isOfDomain, { ...more, domainId: context.matrix.domains.inside }).prepare(context);
  return { ...use, prepare };
}

/** Roles with and without rank, in and outside of the domain: the rule depends on the role and the domain. */
function grantUses(mutation: string): MutationUse[] {
  return [
    onUser(mutation, { label: 'USER in the domain' }, (userId) => ({ userId, role: 'USER', domain: 'inside' })),
    onUser(mutation, { label: 'custom in the domain' }, async (userId, context) => ({
      userId,
      role: await newRole(context, 'users:read'),
      domain: 'inside',
    })),
    onUser(mutation, { label: 'READER in the domain' }, (userId) => ({ userId, role: 'READER', domain: 'inside' })),
    onUser(mutation, { label: 'READER below' }, (userId) => ({ userId, role: 'READER', domain: 'below' })),
    onUser(mutation, { label: 'custom with another permission', needs: directAuthority }, async (userId, context) => ({
      userId,
      role: await newRole(context, 'settings:read'),
      domain: 'inside',
    })),
    onUser(mutation, { label: 'custom abroad', needs: admin }, async (userId, context) => ({
      userId,
      role: await newRole(context),
      domain: 'abroad',
    })),
    onUser(mutation, { label: 'custom everywhere', needs: admin }, async (userId, context) => ({ userId, role: await newRole(context) })),
    onUser(mutation, { label: 'ADMIN in the domain', needs: superadmin }, (userId) => ({ userId, role: 'ADMIN', domain: 'inside' })),
    onUser(mutation, { label: 'ADMIN everywhere', needs: superadmin }, (userId) => ({ userId, role: 'ADMIN' })),
    onUser(mutation, { label: 'SUPERADMIN', needs: superadmin }, (userId) => ({ userId, role: 'SUPERADMIN' })),
  ];
}
