import { loadVisible } from '../../authorization/evaluate/decisions.ts';
import { whereVisibleAnd } from '../../authorization/evaluate/filters.ts';
import { all } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import { owner, scope } from '../../policy/conditions.ts';
import { User } from './user.ts';

const readRule = all(scope('settings:read'), owner);

export const UserSetting = builder.prismaNode('UserSetting', {
  id: { field: 'id', description: 'The opaque global id.' },
  access: readRule,
  fields: (t) => ({
    key: t.exposeString('key'),
    value: t.exposeString('value'),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    user: t.field({
      type: User,
      description: 'Whose setting it is.',
      resolve: (setting, _, context) => loadVisible(context, 'User', setting.userId) as never,
    }),
  }),
});

builder.prismaObjectField('User', 'settings', (t) =>
  t.relatedConnection(
    'settings',
    {
      cursor: 'id',
      access: readRule,
      description: 'What the user keeps, by key.',
      query: (_, context) => ({ where: whereVisibleAnd(context, 'UserSetting', undefined), orderBy: { id: 'asc' as const } }),
      totalCount: true,
    },
    { description: 'A page of settings.' },
    { description: 'A setting in a list.' },
  ),
);
