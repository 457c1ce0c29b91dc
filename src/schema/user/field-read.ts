import { loadVisible } from '../../authorization/evaluate/decisions.ts';
import { all } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import { connectionNames, visibleRelation } from '../../graphql/connections.ts';
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
      description:
        'Who read it; null where the owner may not know of that user, an administrator, say: then `via` says by what right it was.',
      resolve: (read, _, context) => loadVisible(context, 'User', read.actorId),
    }),
  }),
});

builder.prismaObjectField('User', 'fieldReads', (t) =>
  t.relatedConnection(
    'reads',
    {
      ...visibleRelation('FieldRead', [{ at: 'desc' }, { id: 'desc' }]),
      access: readRule,
      description:
        'Reads of sensitive fields of this user by other users in the last 90 days, newest first. There is one entry per reader, field and day.',
    },
    ...connectionNames('UserFieldRead'),
  ),
);
