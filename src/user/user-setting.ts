import { listed } from '../access/list.ts';
import { all, any } from '../access/rule.ts';
import { rowOf } from '../access/verdict.ts';
import { outranks, scope, self, superadmin } from '../access/vocabulary.ts';
import { builder } from '../builder.ts';
import { User } from './user.ts';

export const UserSetting = builder.prismaNode('UserSetting', {
  id: { field: 'id', description: 'The opaque global id.' },
  access: all(scope('settings:read'), any(self, outranks, superadmin)),
  fields: (t) => ({
    key: t.exposeString('key'),
    value: t.exposeString('value'),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    user: t.field({
      type: User,
      description: 'Whose setting it is.',
      resolve: (setting, _, context) => rowOf(context, 'User', setting.userId) as never,
    }),
  }),
});

builder.prismaObjectField('User', 'settings', (t) =>
  t.relatedConnection('settings', {
    cursor: 'id',
    access: all(scope('settings:read'), any(self, outranks, superadmin)),
    description: 'What the user keeps, by key.',
    query: (_, context) => ({ where: listed(context, 'UserSetting', undefined), orderBy: { id: 'asc' as const } }),
    totalCount: true,
  }),
);
