import type { Opened, Proof } from './opens.ts';
import { type Answer, mutate, type World } from './world.ts';

/** An operation that ends proofs, and things that were opened by them. */
export interface Ends {
  readonly name: string;
  readonly mutation: string;
  /** The proofs that do not hold afterwards. */
  readonly ends: readonly Proof[];
  /** What it also ends if it was opened before. */
  readonly opened: readonly Opened[];
  prepare?(world: World): Promise<string>;
  call(world: World, prepared: string): Promise<Answer>;
  /** Reverses the state, so that only what was really ended stays unusable. */
  reverse?(world: World): Promise<unknown>;
}

const wholeAccount = { ends: ['password', 'session', 'account', 'link'], opened: ['session', 'apiToken', 'link'] } as const;
const wholeDomain = { ends: ['domain'], opened: ['session', 'apiToken'] } as const;
const entryOnly = { ends: ['entry'], opened: ['session', 'apiToken'] } as const;
const inviterOnly = { ends: ['inviter'], opened: [] } as const;
const newPassword = 'the password of the owner';

const updateDomain = (w: World, domain: { globalId: string }, input: object) =>
  mutate(w, w.root, 'updateDomain', { id: domain.globalId, ...input }, 'domain { id }');

/** Every operation that ends something. A new one is a new line. */
export const ends: readonly Ends[] = [
  {
    name: 'resetPassword',
    mutation: 'resetPassword',
    ends: ['password', 'session', 'link'],
    opened: ['session', 'apiToken', 'link', 'password'],
    prepare: (w) => w.link('RESET_PASSWORD'),
    call: (w, token) => mutate(w, null, 'resetPassword', { token, newPassword }, 'ok'),
  },
  {
    name: 'changePassword',
    mutation: 'changePassword',
    ends: ['password', 'session', 'link'],
    opened: ['session', 'link'],
    call: (w) => mutate(w, w.keeper, 'changePassword', { currentPassword: w.member.password, newPassword }, 'ended'),
  },
  {
    name: 'undoEmailChange',
    mutation: 'undoEmailChange',
    ends: ['password', 'session', 'link', 'address'],
    opened: ['session', 'apiToken', 'link', 'password'],
    prepare: (w) => w.link('UNDO_EMAIL_CHANGE', w.former),
    call: (w, token) => mutate(w, null, 'undoEmailChange', { token }, 'ok'),
  },
  {
    name: 'confirmEmailChange',
    mutation: 'confirmEmailChange',
    ends: ['password', 'session', 'link', 'address'],
    opened: ['session', 'link'],
    prepare: (w) => w.link('CHANGE_EMAIL', `second-${w.newEmail}`),
    call: (w, token) => mutate(w, w.keeper, 'confirmEmailChange', { token }, 'ended'),
  },
  {
    name: 'confirmEmail without the password',
    mutation: 'confirmEmail',
    ends: ['password', 'session', 'link'],
    opened: ['session', 'apiToken', 'link', 'password'],
    prepare: (w) => w.link('CONFIRM_EMAIL'),
    call: (w, token) => mutate(w, null, 'confirmEmail', { token }, 'passwordKept'),
  },
  {
    name: 'disableUser',
    mutation: 'disableUser',
    ...wholeAccount,
    call: (w) => mutate(w, w.root, 'disableUser', { id: w.member.id }, 'changed'),
    reverse: (w) => mutate(w, w.root, 'enableUser', { id: w.member.id }, 'changed'),
  },
  {
    name: 'deleteUser',
    mutation: 'deleteUser',
    ...wholeAccount,
    call: (w) => mutate(w, w.root, 'deleteUser', { id: w.member.id }, 'changed'),
    reverse: (w) => mutate(w, w.root, 'restoreUser', { id: w.member.id }, 'changed'),
  },
  {
    name: 'deleteAccount',
    mutation: 'deleteAccount',
    ...wholeAccount,
    call: (w) => mutate(w, w.keeper, 'deleteAccount', { password: w.member.password }, 'ok'),
    reverse: (w) => mutate(w, w.root, 'restoreUser', { id: w.member.id }, 'changed'),
  },
  {
    name: 'resetUserAccess',
    mutation: 'resetUserAccess',
    ends: ['password', 'session', 'link'],
    opened: ['session', 'apiToken', 'link'],
    call: (w) => mutate(w, w.root, 'resetUserAccess', { id: w.member.id }, 'ended'),
  },
  {
    name: 'logoutEverywhere',
    mutation: 'logoutEverywhere',
    ends: ['password', 'session', 'changeLink'],
    opened: ['session', 'link'],
    call: (w) => mutate(w, w.keeper, 'logoutEverywhere', {}, 'ended'),
  },
  {
    name: 'revokeTokens',
    mutation: 'revokeTokens',
    ends: ['password', 'session', 'changeLink'],
    opened: ['session', 'apiToken', 'link'],
    call: (w) => mutate(w, w.root, 'revokeTokens', { userId: w.member.id }, 'ended'),
  },
  {
    name: 'revokeTokens by a domain administrator',
    mutation: 'revokeTokens',
    ends: ['domainSession'],
    opened: ['session'],
    call: (w) => mutate(w, w.inviter, 'revokeTokens', { userId: w.member.id }, 'ended'),
  },
  {
    name: 'revokeToken of the presented session',
    mutation: 'revokeToken',
    ends: ['session'],
    opened: [],
    call: (w) => mutate(w, w.root, 'revokeToken', { id: w.member.tokenId }, 'changed'),
  },
  {
    name: 'logout of the presented session',
    mutation: 'logout',
    ends: ['session'],
    opened: [],
    call: (w) => w.member.query('mutation { logout { ended } }'),
  },
  {
    name: 'updateDomain that disables the domain',
    mutation: 'updateDomain',
    ...wholeDomain,
    call: (w) => updateDomain(w, w.domain, { active: false }),
    reverse: (w) => updateDomain(w, w.domain, { active: true }),
  },
  {
    name: 'updateDomain that disables the domain above',
    mutation: 'updateDomain',
    ...wholeDomain,
    call: (w) => updateDomain(w, w.upper, { active: false }),
    reverse: (w) => updateDomain(w, w.upper, { active: true }),
  },
  {
    name: 'updateDomain that moves the domain below a disabled one',
    mutation: 'updateDomain',
    ...wholeDomain,
    call: (w) => updateDomain(w, w.domain, { parent: w.shut.name }),
    reverse: (w) => updateDomain(w, w.domain, { parent: w.upper.name }),
  },
  {
    name: 'deleteDomain',
    mutation: 'deleteDomain',
    ...wholeDomain,
    call: (w) => mutate(w, w.root, 'deleteDomain', { id: w.domain.globalId }, 'deletedId'),
  },
  {
    name: 'revokeRole of the last grant in the domain',
    mutation: 'revokeRole',
    ...entryOnly,
    call: (w) => mutate(w, w.root, 'revokeRole', { userId: w.member.id, role: 'USER', domain: w.domain.name }, 'changed'),
    reverse: (w) => mutate(w, w.root, 'grantRole', { userId: w.member.id, role: 'USER', domain: w.domain.name }, 'changed'),
  },
  {
    name: 'revokeRole of the inviter',
    mutation: 'revokeRole',
    ...inviterOnly,
    call: (w) => mutate(w, w.root, 'revokeRole', { userId: w.inviter.id, role: 'ADMIN', domain: w.upper.name }, 'changed'),
  },
  {
    name: 'disableUser of the inviter',
    mutation: 'disableUser',
    ...inviterOnly,
    call: (w) => mutate(w, w.root, 'disableUser', { id: w.inviter.id }, 'changed'),
  },
  {
    name: 'deleteUser of the inviter',
    mutation: 'deleteUser',
    ...inviterOnly,
    call: (w) => mutate(w, w.root, 'deleteUser', { id: w.inviter.id }, 'changed'),
  },
  {
    name: 'revokeInvitation of a user',
    mutation: 'revokeInvitation',
    ends: ['invitation'],
    opened: [],
    call: (w) => mutate(w, w.root, 'revokeInvitation', { id: w.invitation.id }, 'changed'),
  },
  {
    name: 'revokeInvitation of a new user',
    mutation: 'revokeInvitation',
    ends: ['newUserInvitation'],
    opened: [],
    call: (w) => mutate(w, w.root, 'revokeInvitation', { id: w.newUserInvitation.id }, 'changed'),
  },
  {
    name: 'deleteRole',
    mutation: 'deleteRole',
    ends: ['role'],
    opened: [],
    call: (w) => mutate(w, w.root, 'deleteRole', { id: Buffer.from(`Role:${w.role.id}`).toString('base64') }, 'deletedId'),
  },
];
