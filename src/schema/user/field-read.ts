import { loadVisible } from '../../authorization/evaluate/decisions.ts';
import { all } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import { visibleRelation } from '../../graphql/connections.ts';
import { scope, self } from '../../policy/conditions.ts';
import { User } from './user.ts';

const readRule = all(scope('users:read'), self);

builder.prismaObject('FieldRead', {
  access: readRule,
  fields: (t) => ({
    field: t.exposeString('field'),
    via: t.exposeString('via'),
    at: t.expose('at', { type: 'DateTime' }),
    actor: t.field({
      type: User,
      description: 'The user who read it, or null if the owner cannot see them; `via` then names the right that was used.',
      resolve: (read, _, context) => loadVisible(context, 'User', read.actorId),
    }),
  }),
});

visibleRelation('User', 'fieldReads', {
  model: 'FieldRead',
  by: 'userId',
  prefix: 'UserFieldRead',
  order: { column: 'at', direction: 'desc' },
  access: readRule,
  description:
    'Reads of sensitive fields of this user by other users in the last 90 days, newest first. There is one entry per reader, field and day.',
});
