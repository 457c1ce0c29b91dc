import { deriveLinkToken } from '../../src/identity/tokens/opaque-token.ts';
import { waitUntil } from '../test-server.ts';
import { type Answer, mutate, type World } from './world.ts';

/** What an operation verifies before it opens something. */
export type Proof =
  | 'password'
  | 'session'
  | 'account'
  | 'domain'
  | 'entry'
  | 'domainSession'
  | 'address'
  | 'link'
  | 'changeLink'
  | 'invitation'
  | 'newUserInvitation'
  | 'inviter'
  | 'role';

/** What is opened. `write` is a change that stays, such as a grant: it only must not be made after the end. */
export type Opened = 'session' | 'apiToken' | 'link' | 'password' | 'write';

/** An operation that opens something by a proof. */
export interface Opens {
  readonly name: string;
  /** The mutations that this entry covers. */
  readonly mutation: string;
  readonly kind: Opened;
  readonly needs: readonly Proof[];
  /** True if anyone may do it at any time: then it may also be ordered after an end that has begun before it. */
  readonly isOpenToAnyone?: true;
  /** Prepares the call: what it needs exists before the race begins. */
  prepare?(world: World): Promise<string>;
  call(world: World, prepared: string): Promise<Answer>;
  /** True if what was opened can be used. Omitted for a `write`. */
  isUsable?(world: World, answer: Answer): Promise<boolean>;
}

const newPassword = 'another fine passphrase';
const tokens = 'accessToken refreshToken';
const inDomain = ({ domain }: World) => ({ domain: domain.name });
const apiToken = { description: 'race', scopes: ['users:read'] };
const change = { currentPassword: 'correct horse battery staple', newPassword };

const login = (world: World, input: object = {}) => {
  const { email, password } = world.member;
  return mutate(world, null, 'login', { email, password, ...input }, `... on Session { ${tokens} }`);
};

const sessionWorks = async (world: World, { data }: Answer) => {
  const { accessToken, refreshToken } = Object.values(data)[0] as { accessToken: string; refreshToken: string };
  const { data: me } = await world.server.query('{ me { id } }', {}, { token: accessToken });
  if (me?.me) return true;
  return (await mutate(world, null, 'refresh', { refreshToken }, 'accessToken')).data?.refresh != null;
};
const apiTokenWorks = async (world: World, { data }: Answer) =>
  (await world.server.query('{ viewer { user { id } } }', {}, { token: data.createApiToken?.secret as string })).data?.viewer?.user != null;
const passwordWorks = async (world: World) => {
  const emails = [world.member.email, world.newEmail, world.former];
  const answers = await Promise.all(
    emails.map((email) => mutate(world, null, 'login', { email, password: newPassword }, `... on Session { ${tokens} }`)),
  );
  return answers.some(({ data }) => data?.login);
};
/** The link of the last email of a template works: of one that was queued for the address, or for the user. */
const linkWorks =
  (template: string, mutation: string, input: object, fields: string, byAddress = false) =>
  async (world: World) => {
    const where = { template, ...(byAddress ? { emailKey: world.member.email } : { userId: world.member.uuid }) };
    const { id } = await world.server.db.prisma.outboxEmail.findFirstOrThrow({ where, orderBy: { id: 'desc' } });
    const token = deriveLinkToken(world.server.keys, id);
    const answer = await mutate(world, null, mutation, { token, ...input }, fields);
    return answer.data?.[mutation] != null;
  };
/** The answer, after the emails that were queued are sent. */
const delivered = async (world: World, answer: Promise<Answer>) => {
  const result = await answer;
  const pending = { completedAt: null, OR: [{ userId: world.member.uuid }, { emailKey: world.member.email }] };
  await waitUntil(async () => (await world.server.db.prisma.outboxEmail.count({ where: pending })) === 0);
  return result;
};

const grantee = async ({ server, domain }: World) => (await server.user('USER', domain.name)).id;

/** Every operation that opens something. A new one is a new line. */
export const opens: readonly Opens[] = [
  { name: 'login', mutation: 'login', kind: 'session', needs: ['password', 'account'], call: (w) => login(w), isUsable: sessionWorks },
  {
    name: 'login to a domain',
    mutation: 'login',
    kind: 'session',
    needs: ['password', 'account', 'domain', 'entry', 'domainSession'],
    call: (w) => login(w, inDomain(w)),
    isUsable: sessionWorks,
  },
  {
    name: 'reauthenticate',
    mutation: 'reauthenticate',
    kind: 'session',
    needs: ['password', 'session', 'account'],
    call: (w) => mutate(w, w.member, 'reauthenticate', { password: w.member.password }, tokens),
    isUsable: sessionWorks,
  },
  {
    name: 'reauthenticate in a domain',
    mutation: 'reauthenticate',
    kind: 'session',
    needs: ['domain', 'entry', 'domainSession'],
    call: (w) => mutate(w, w.inside, 'reauthenticate', { password: w.member.password }, tokens),
    isUsable: sessionWorks,
  },
  {
    name: 'refresh',
    mutation: 'refresh',
    kind: 'session',
    needs: ['session', 'account'],
    call: (w) => mutate(w, null, 'refresh', { refreshToken: w.member.refreshToken }, tokens),
    isUsable: sessionWorks,
  },
  {
    name: 'refresh in a domain',
    mutation: 'refresh',
    kind: 'session',
    needs: ['domain', 'entry', 'domainSession'],
    call: (w) => mutate(w, null, 'refresh', { refreshToken: w.inside.refreshToken }, tokens),
    isUsable: sessionWorks,
  },
  {
    name: 'createApiToken',
    mutation: 'createApiToken',
    kind: 'apiToken',
    needs: ['session', 'account'],
    call: (w) => mutate(w, w.member, 'createApiToken', apiToken, 'secret'),
    isUsable: apiTokenWorks,
  },
  {
    name: 'createApiToken for a domain',
    mutation: 'createApiToken',
    kind: 'apiToken',
    needs: ['domain', 'entry'],
    call: (w) => mutate(w, w.member, 'createApiToken', { ...apiToken, ...inDomain(w) }, 'secret'),
    isUsable: apiTokenWorks,
  },
  {
    name: 'changePassword',
    mutation: 'changePassword',
    kind: 'password',
    needs: ['password', 'session', 'account'],
    call: (w) => mutate(w, w.member, 'changePassword', change, 'ended'),
    isUsable: passwordWorks,
  },
  {
    name: 'resetPassword',
    mutation: 'resetPassword',
    kind: 'password',
    needs: ['link', 'account', 'address'],
    prepare: (w) => w.link('RESET_PASSWORD'),
    call: (w, token) => mutate(w, null, 'resetPassword', { token, newPassword }, 'ok'),
    isUsable: passwordWorks,
  },
  {
    name: 'confirmEmail with the password',
    mutation: 'confirmEmail',
    kind: 'write',
    needs: ['password', 'link', 'account', 'address'],
    prepare: (w) => w.link('CONFIRM_EMAIL'),
    call: (w, token) => mutate(w, null, 'confirmEmail', { token, password: w.member.password }, 'passwordKept'),
  },
  {
    name: 'confirmEmail with a session',
    mutation: 'confirmEmail',
    kind: 'write',
    needs: ['session', 'link', 'account', 'address'],
    prepare: (w) => w.link('CONFIRM_EMAIL'),
    call: (w, token) => mutate(w, w.member, 'confirmEmail', { token }, 'passwordKept'),
  },
  {
    name: 'confirmEmailChange with the password',
    mutation: 'confirmEmailChange',
    kind: 'write',
    needs: ['password', 'link', 'account', 'changeLink'],
    prepare: (w) => w.link('CHANGE_EMAIL', w.newEmail),
    call: (w, token) => mutate(w, null, 'confirmEmailChange', { token, password: w.member.password }, 'ended'),
  },
  {
    name: 'confirmEmailChange with a session',
    mutation: 'confirmEmailChange',
    kind: 'write',
    needs: ['session', 'link', 'account', 'changeLink'],
    prepare: (w) => w.link('CHANGE_EMAIL', w.newEmail),
    call: (w, token) => mutate(w, w.member, 'confirmEmailChange', { token }, 'ended'),
  },
  {
    name: 'requestPasswordReset',
    mutation: 'requestPasswordReset',
    kind: 'link',
    isOpenToAnyone: true,
    needs: ['link', 'account', 'address'],
    call: (w) => delivered(w, mutate(w, null, 'requestPasswordReset', { email: w.member.email }, 'ok')),
    isUsable: linkWorks('passwordReset', 'resetPassword', { newPassword }, 'ok', true),
  },
  {
    name: 'sendPasswordReset',
    mutation: 'sendPasswordReset',
    kind: 'link',
    needs: ['account'],
    call: (w) => delivered(w, mutate(w, w.root, 'sendPasswordReset', { id: w.member.id }, 'user { id }')),
    isUsable: linkWorks('passwordReset', 'resetPassword', { newPassword }, 'ok'),
  },
  {
    name: 'requestEmailChange',
    mutation: 'requestEmailChange',
    kind: 'link',
    needs: ['session', 'link', 'changeLink', 'account'],
    call: (w) => delivered(w, mutate(w, w.member, 'requestEmailChange', { newEmail: w.newEmail }, 'ok')),
    isUsable: linkWorks('emailChangeConfirmation', 'confirmEmailChange', { password: change.currentPassword }, 'ended'),
  },
  {
    name: 'acceptInvitation as a user',
    mutation: 'acceptInvitation',
    kind: 'write',
    needs: ['session', 'account', 'domain', 'invitation', 'inviter', 'role'],
    call: (w) => mutate(w, w.member, 'acceptInvitation', { token: w.invitation.token }, 'made'),
  },
  {
    name: 'acceptInvitation as a new user',
    mutation: 'acceptInvitation',
    kind: 'write',
    needs: ['domain', 'newUserInvitation', 'inviter', 'role'],
    call: (w) => mutate(w, null, 'acceptInvitation', { token: w.newUserInvitation.token, password: newPassword }, 'made'),
  },
  {
    name: 'inviteUser',
    mutation: 'inviteUser',
    kind: 'write',
    needs: ['domain', 'inviter', 'role'],
    call: (w) => mutate(w, w.inviter, 'inviteUser', { email: w.newEmail, role: w.role.name, ...inDomain(w) }, 'invitation { id }'),
  },
  {
    name: 'grantRole',
    mutation: 'grantRole',
    kind: 'write',
    needs: ['domain', 'inviter', 'role'],
    prepare: grantee,
    call: (w, userId) => mutate(w, w.inviter, 'grantRole', { userId, role: w.role.name, ...inDomain(w) }, 'changed'),
  },
  {
    name: 'revokeTokens by an administrator of the domain',
    mutation: 'revokeTokens',
    kind: 'write',
    needs: ['domain', 'inviter'],
    call: (w) => mutate(w, w.inviter, 'revokeTokens', { userId: w.member.id }, 'ended'),
  },
  {
    name: 'createUser',
    mutation: 'createUser',
    kind: 'write',
    needs: ['domain', 'role'],
    call: (w) => mutate(w, w.root, 'createUser', { email: w.newEmail, role: w.role.name, ...inDomain(w) }, 'user { id }'),
  },
];
