import { loadVisible } from '../../authorization/evaluate/decisions.ts';
import { all } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import { visibleRelation } from '../../graphql/connections.ts';
import { owner, scope } from '../../policy/conditions.ts';
import { User } from './user.ts';

const readRule = all(scope('settings:read'), owner);

export const UserSetting = builder.prismaNode('UserSetting', {
  id: { field: 'id', description: 'The opaque global ID.' },
  access: readRule,
  fields: (t) => ({
    key: t.exposeString('key'),
    value: t.exposeString('value'),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    user: t.field({
      type: User,
      description: 'The user that the setting belongs to.',
      resolve: (setting, _, context) => loadVisible(context, 'User', setting.userId),
    }),
  }),
});

visibleRelation('User', 'settings', { model: 'UserSetting', by: 'userId', access: readRule, description: 'The settings of the user.' });
