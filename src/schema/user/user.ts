import { loadVisible } from '../../authorization/evaluate/decisions.ts';
import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { isUuid } from '../../lib/validators.ts';
import { anyone, scope } from '../../policy/conditions.ts';
import { loginHistoryRule, userRule } from './access-rules.ts';
import { profileColumn, profileEntries } from './profile-fields.ts';

export const User = builder.prismaNode('User', {
  id: { field: 'id', description: 'The opaque global ID.' },
  access: userRule,
  fields: (t) => ({
    username: t.string({
      description: 'Name to log in with instead of the email address. Unique, case-insensitive.',
      resolve: ({ username, usernameKey }) => usernameKey && username, // without a key the name is only requested
    }),
    email: t.exposeString('email'),
    emailConfirmedAt: t.expose('emailConfirmedAt', { type: 'DateTime' }),
    fullName: t.string({
      description: 'First and last name, or the one that is set.',
      resolve: ({ firstName, lastName }) => [firstName, lastName].filter(Boolean).join(' ') || null,
    }),
    enabled: t.exposeBoolean('enabled'),
    deletedAt: t.expose('deletedAt', { type: 'DateTime' }),
    erasedAt: t.expose('erasedAt', { type: 'DateTime' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    loginCount: t.exposeInt('loginCount', { access: loginHistoryRule }),
    currentLoginAt: t.expose('currentLoginAt', { type: 'DateTime', access: loginHistoryRule }),
    currentLoginFrom: t.exposeString('currentLoginFrom', { access: loginHistoryRule, sensitive: true }),
    lastLoginAt: t.expose('lastLoginAt', { type: 'DateTime', access: loginHistoryRule }),
    lastLoginFrom: t.exposeString('lastLoginFrom', { access: loginHistoryRule, sensitive: true }),
  }),
});

builder.prismaObjectFields('User', (t) =>
  Object.fromEntries(
    profileEntries.map(([name, { access, sensitive, resolve }]) => {
      const { type, documentation: description } = profileColumn(name);
      const options = { type, ...(access && { access }), ...(sensitive && { sensitive }) };
      if (!resolve) return [name, t.expose(name, options)];
      return [name, t.field({ ...options, description, resolve: (user, _, { config }) => resolve(user, config) as string | null })];
    }),
  ),
);

builder.queryField('me', (t) =>
  t.field({
    type: User,
    description: 'The authenticated user, or null for anonymous callers.',
    access: anyone('it returns the caller, or null'),
    workload: 'authentication',
    resolve: (_, __, { viewer }) => viewer?.user,
  }),
);

builder.queryField('user', (t) =>
  t.field({
    type: User,
    description: 'Returns a user by ID.',
    access: scope('users:read'),
    args: { id: t.arg.globalID({ required: true, for: User, description: 'ID of the user.' }) },
    resolve: async (_, { id }, context) => {
      const user = isUuid(id.id) ? await loadVisible(context, 'User', id.id) : null;
      if (!user) throw graphqlError('NOT_FOUND');
      return user;
    },
  }),
);
