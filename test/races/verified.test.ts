import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { isEmbedded } from '../test-database.ts';
import { startTestServer } from '../test-server.ts';
import { lockUser, openHolder } from './hold.ts';
import { type Answer, createSurroundings, createWorld, mutate, type World } from './world.ts';

const newPassword = 'another fine passphrase';

/** What may change for a user between what a request has verified and its write. `$1` is the id of the user. */
const changes = {
  'the password has been replaced': `update "Password" set hash = 'another' where "userId" = $1`,
  'all sessions have been revoked': 'update "User" set "accessVersion" = "accessVersion" + 1 where id = $1',
  'the account has been disabled': 'update "User" set enabled = false where id = $1',
  'the account has been deleted': 'update "User" set "deletedAt" = now() where id = $1',
  'the address is no longer confirmed': 'update "User" set "emailConfirmedAt" = null where id = $1',
  'all sessions have been revoked, this one included': `with revoked as (
     update "Token" set "revokedAt" = now(), "revokedReason" = 'LOGOUT' where "userId" = $1 returning 1
   ) update "User" set "accessVersion" = "accessVersion" + 1 where id = $1`,
  'the account has been erased': 'update "User" set "erasedAt" = now() where id = $1',
  'the link has expired': 'update "EmailLink" set "expiresAt" = now() where "userId" = $1',
  'the session has been revoked': `update "Token" set "revokedAt" = now(), "revokedReason" = 'LOGOUT' where "userId" = $1`,
  'the session has expired': 'update "Token" set "expiresAt" = now() where "userId" = $1',
} as const;

/** Starts a request with what it needs: the token of a link. */
type Start = (world: World, token: string) => Promise<Answer>;
type Case = readonly [start: Start, link?: 'CONFIRM_EMAIL' | 'CHANGE_EMAIL' | 'RESET_PASSWORD' | 'UNDO_EMAIL_CHANGE'];

const requests: Record<string, Case> = {
  login: [(w) => mutate(w, null, 'login', { email: w.member.email, password: w.member.password }, '... on Session { accessToken }')],
  reauthenticate: [(w) => mutate(w, w.member, 'reauthenticate', { password: w.member.password }, 'accessToken')],
  changePassword: [(w) => mutate(w, w.member, 'changePassword', { currentPassword: w.member.password, newPassword }, 'ended')],
  deleteAccount: [(w) => mutate(w, w.member, 'deleteAccount', { password: w.member.password }, 'ok')],
  'confirmEmail with the password': [
    (w, token) => mutate(w, null, 'confirmEmail', { token, password: w.member.password }, 'passwordKept'),
    'CONFIRM_EMAIL',
  ],
  'confirmEmail in a session': [(w, token) => mutate(w, w.member, 'confirmEmail', { token }, 'passwordKept'), 'CONFIRM_EMAIL'],
  'confirmEmailChange with the password': [
    (w, token) => mutate(w, null, 'confirmEmailChange', { token, password: w.member.password }, 'ended'),
    'CHANGE_EMAIL',
  ],
  'confirmEmailChange in a session': [(w, token) => mutate(w, w.member, 'confirmEmailChange', { token }, 'ended'), 'CHANGE_EMAIL'],
  resetPassword: [(w, token) => mutate(w, null, 'resetPassword', { token, newPassword }, 'ok'), 'RESET_PASSWORD'],
  undoEmailChange: [(w, token) => mutate(w, null, 'undoEmailChange', { token }, 'ok'), 'UNDO_EMAIL_CHANGE'],
};

/** By request and change, the error of the request. */
const rejections: Record<string, Partial<Record<keyof typeof changes, string>>> = {
  login: {
    'the password has been replaced': 'INVALID_CREDENTIALS',
    'all sessions have been revoked': 'INVALID_CREDENTIALS',
    'the account has been disabled': 'ACCOUNT_DISABLED',
    'the account has been deleted': 'INVALID_CREDENTIALS',
    'the address is no longer confirmed': 'INVALID_CREDENTIALS',
  },
  reauthenticate: {
    'the password has been replaced': 'INVALID_CREDENTIALS',
    'all sessions have been revoked': 'INVALID_CREDENTIALS',
    'all sessions have been revoked, this one included': 'TOKEN_REVOKED',
    'the session has been revoked': 'TOKEN_REVOKED',
    'the session has expired': 'TOKEN_REVOKED',
  },
  changePassword: {
    'the password has been replaced': 'INVALID_CREDENTIALS',
    'all sessions have been revoked': 'INVALID_CREDENTIALS',
  },
  deleteAccount: {
    'the password has been replaced': 'INVALID_CREDENTIALS',
    'all sessions have been revoked': 'INVALID_CREDENTIALS',
  },
  'confirmEmail with the password': {
    'the password has been replaced': 'INVALID_CREDENTIALS',
    'all sessions have been revoked': 'INVALID_CREDENTIALS',
    'the account has been disabled': 'INVALID_TOKEN',
  },
  'confirmEmail in a session': {
    'the session has been revoked': 'TOKEN_REVOKED',
    'the session has expired': 'TOKEN_REVOKED',
  },
  'confirmEmailChange with the password': {
    'the password has been replaced': 'INVALID_CREDENTIALS',
    'all sessions have been revoked': 'INVALID_CREDENTIALS',
    'the account has been deleted': 'INVALID_TOKEN',
  },
  'confirmEmailChange in a session': {
    'the session has been revoked': 'TOKEN_REVOKED',
    'the session has expired': 'TOKEN_REVOKED',
  },
  resetPassword: {
    'the account has been disabled': 'INVALID_TOKEN',
    'the account has been deleted': 'INVALID_TOKEN',
    'the link has expired': 'INVALID_TOKEN',
  },
  undoEmailChange: {
    'the account has been disabled': 'INVALID_TOKEN',
    'the account has been erased': 'INVALID_TOKEN',
  },
};

const cases = Object.entries(rejections).flatMap(([request, codes]) =>
  Object.entries(codes).map(([name, code]) => ({ request, change: name as keyof typeof changes, code })),
);

/** The embedded database has one connection, so no request is ever between two statements of another one. */
describe.skipIf(isEmbedded)('what a request has verified is checked again by its write', async () => {
  const server = await startTestServer({ REQUIRE_EMAIL_CONFIRMATION: 'true', LOG_LEVEL: 'error' });
  const surroundings = await createSurroundings(server);
  const holder = await openHolder(server);
  afterEach(() => holder.release());
  afterAll(() => Promise.all([holder.close(), surroundings.close()]));

  it.each(cases)('$request is rejected with $code if $change', async ({ request, change, code }) => {
    const world = await createWorld(server, surroundings);
    const { uuid } = world.member;
    const [start, purpose] = requests[request] as Case;
    const address = { CHANGE_EMAIL: world.newEmail, UNDO_EMAIL_CHANGE: world.former } as Record<string, string>;
    const token = purpose ? await world.link(purpose, address[purpose]) : '';
    const countSessions = () => server.db.prisma.token.count({ where: { userId: uuid } });
    const before = await countSessions();
    const { code: actual } = await holder.changeDuring(lockUser(uuid), () => start(world, token), [changes[change], [uuid]]);
    expect(actual).toBe(code);
    expect(await countSessions()).toBe(before);
  });
});
