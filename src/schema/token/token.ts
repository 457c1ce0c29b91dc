import { loadVisible } from '../../authorization/evaluate/decisions.ts';
import { all } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import { visibleRelation } from '../../graphql/connections.ts';
import { owner, scope } from '../../policy/conditions.ts';
import { Domain } from '../domain/domain.ts';
import { User } from '../user/user.ts';
import { TokenReuse } from './token-reuse.ts';

export const TokenKind = builder.enumType('TokenKind', {
  description: 'The kind of a token.',
  values: {
    SESSION: { description: 'A login session on a device, with one chain of refresh tokens.' },
    API: { description: 'An API token, limited to its scopes.' },
  } as const,
});

export const RevocationReason = builder.enumType('RevocationReason', {
  description: 'The reason why a token was revoked.',
  values: {
    LOGOUT: { description: 'The owner logged out.' },
    USER_REVOKED: { description: 'The owner revoked it.' },
    ADMIN_REVOKED: { description: 'An administrator revoked it.' },
    REUSE_DETECTED: { description: 'A refresh token was reused, which indicates theft.' },
    REAUTHENTICATED: { description: 'The owner authenticated again and a new session replaced it.' },
    SESSION_LIMIT: { description: 'The owner exceeded the maximum number of sessions.' },
    USER_DISABLED: { description: 'The account was disabled.' },
    DOMAIN_DISABLED: { description: 'The domain of the session was disabled.' },
    DOMAIN_DELETED: { description: 'The domain of the session was deleted.' },
    PASSWORD_CHANGED: { description: 'The owner changed the password in another session.' },
    PASSWORD_RESET: { description: 'The password was reset with an emailed token or code.' },
    ACCESS_RESET: { description: 'An administrator reset the access of the owner.' },
    EMAIL_CONFIRMED: {
      description: 'The email address was confirmed, possibly by someone other than the person who registered the account.',
    },
    EMAIL_CHANGED: { description: 'The email address of the account was changed or restored.' },
    USER_DELETED: { description: 'The account was deleted.' },
    ACCESS_LOST: { description: 'The owner no longer has a role in the domain of the session.' },
  } as const,
});

const readRule = all(scope('tokens:read'), owner);

export const Token = builder.prismaNode('Token', {
  id: { field: 'id', description: 'The opaque global ID.' },
  access: readRule,
  fields: (t) => ({
    kind: t.expose('kind', { type: TokenKind }),
    description: t.exposeString('description'),
    device: t.string({
      description: 'The device name of a session, as given at login.',
      resolve: ({ kind, description }) => (kind === 'SESSION' ? description : null),
    }),
    scopes: t.exposeStringList('scopes'),
    current: t.boolean({
      description: 'True if the request was made with this token.',
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
      description: 'The reuse of one of its refresh tokens, which revoked the session.',
      resolve: (token) => (token.reuseAt ? token : null),
    }),
    revokedAt: t.expose('revokedAt', { type: 'DateTime' }),
    revokedReason: t.expose('revokedReason', { type: RevocationReason }),
    user: t.field({
      type: User,
      description: 'The owner.',
      resolve: (token, _, context) => loadVisible(context, 'User', token.userId),
    }),
    domain: t.field({
      type: Domain,
      description: 'The domain of the session, if any.',
      resolve: (token, _, context) => loadVisible(context, 'Domain', token.domainId),
    }),
  }),
});

visibleRelation('User', 'tokens', {
  model: 'Token',
  by: 'userId',
  prefix: 'UserToken',
  order: { direction: 'desc' },
  access: readRule,
  args: builder.args((t) => ({
    kind: t.field({ type: TokenKind, description: 'Filters by kind.' }),
    revoked: t.boolean({ description: 'Includes only revoked (`true`) or only unrevoked (`false`) tokens. Defaults to all.' }),
  })),
  where: ({ kind, revoked }) => ({ ...(kind && { kind }), ...(revoked != null && { revokedAt: revoked ? { not: null } : null }) }),
  description: 'The sessions and API tokens of the user, newest first. Secret values are never included.',
});
