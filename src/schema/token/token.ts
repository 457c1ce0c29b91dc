import { loadVisible } from '../../authorization/evaluate/decisions.ts';
import { whereVisibleAnd } from '../../authorization/evaluate/filters.ts';
import { all } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import { connectionNames } from '../../graphql/connections.ts';
import { owner, scope } from '../../policy/conditions.ts';
import { Domain } from '../domain/domain.ts';
import { User } from '../user/user.ts';
import { TokenReuse } from './token-reuse.ts';

export const TokenKind = builder.enumType('TokenKind', {
  description: 'The kinds of tokens.',
  values: {
    SESSION: { description: 'A login on a device: one family of refresh tokens.' },
    API: { description: 'A personal access token with scopes.' },
  } as const,
});

export const RevocationReason = builder.enumType('RevocationReason', {
  description: 'Why a token ended.',
  values: {
    LOGOUT: { description: 'Its owner logged out.' },
    USER_REVOKED: { description: 'Its owner ended it.' },
    ADMIN_REVOKED: { description: 'An administrator ended it.' },
    REUSE_DETECTED: { description: 'A refresh token was used twice, so one of its two users is a thief.' },
    REAUTHENTICATED: { description: 'Its owner proved again who they are, and a new session took its place.' },
    SESSION_LIMIT: { description: 'Its owner opened more sessions than one may have.' },
    USER_DISABLED: { description: 'The account was disabled.' },
    DOMAIN_DISABLED: { description: 'The domain that it was entered through was disabled.' },
    DOMAIN_DELETED: { description: 'The domain that it was entered through was deleted.' },
    PASSWORD_CHANGED: { description: 'Its owner changed the password in another session.' },
    PASSWORD_RESET: { description: 'A new password was chosen by a letter.' },
    ACCESS_RESET: { description: "An administrator reset the owner's access." },
    EMAIL_CONFIRMED: { description: 'The address of the account was proven by somebody who may not be who had opened it.' },
    EMAIL_CHANGED: { description: 'The account has another e-mail address now, or has its old one back.' },
    USER_DELETED: { description: 'The account was deleted.' },
    ACCESS_LOST: { description: 'Its owner no longer holds a role in the domain that it was entered through.' },
  } as const,
});

const readRule = all(scope('tokens:read'), owner);

export const Token = builder.prismaNode('Token', {
  id: { field: 'id', description: 'The opaque global id.' },
  access: readRule,
  fields: (t) => ({
    kind: t.expose('kind', { type: TokenKind }),
    description: t.exposeString('description'),
    device: t.string({
      description: 'What its owner calls the device that a session is on.',
      resolve: ({ kind, description }) => (kind === 'SESSION' ? description : null),
    }),
    scopes: t.exposeStringList('scopes'),
    current: t.boolean({
      description: 'Whether it is the one that this request came with.',
      resolve: (token, _, { viewer }) => token.id === viewer?.token.id,
    }),
    authenticatedAt: t.expose('authenticatedAt', { type: 'DateTime' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    createdFrom: t.exposeString('createdFrom', { sensitive: true }),
    userAgent: t.exposeString('userAgent'),
    lastUsedAt: t.expose('lastUsedAt', { type: 'DateTime' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
    rotations: t.exposeInt('rotations'),
    reuse: t.field({
      type: TokenReuse,
      sensitive: true,
      description: 'The second use of one of its refresh tokens, if there was one: it ended the session.',
      resolve: (token) => (token.reuseAt ? token : null),
    }),
    revokedAt: t.expose('revokedAt', { type: 'DateTime' }),
    revokedReason: t.expose('revokedReason', { type: RevocationReason }),
    user: t.field({
      type: User,
      description: 'Whose token it is.',
      resolve: (token, _, context) => loadVisible(context, 'User', token.userId) as never,
    }),
    domain: t.field({
      type: Domain,
      description: 'The domain that it was entered through, if any.',
      resolve: (token, _, context) => loadVisible(context, 'Domain', token.domainId) as never,
    }),
  }),
});

builder.prismaObjectField('User', 'tokens', (t) =>
  t.relatedConnection(
    'tokens',
    {
      cursor: 'id',
      access: readRule,
      args: {
        kind: t.arg({ type: TokenKind, description: 'Only this kind.' }),
        revoked: t.arg.boolean({ description: 'Only revoked ones, or only those that are not.' }),
      },
      description: 'The sessions and API tokens of the user; never their values.',
      query: ({ kind, revoked }, context) => ({
        where: whereVisibleAnd(context, 'Token', {
          ...(kind && { kind }),
          ...(revoked != null && { revokedAt: revoked ? { not: null } : null }),
        }),
        orderBy: { id: 'desc' as const },
      }),
      totalCount: true,
    },
    ...connectionNames('UserToken'),
  ),
);
