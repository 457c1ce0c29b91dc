import { loadVisible } from '../../authorization/evaluate/decisions.ts';
import { whereVisibleAnd } from '../../authorization/evaluate/filters.ts';
import { all } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
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
      resolve: (read, _, context) => loadVisible(context, 'User', read.actorId) as never,
    }),
  }),
});

builder.prismaObjectField('User', 'fieldReads', (t) =>
  t.relatedConnection(
    'reads',
    {
      cursor: 'id',
      access: readRule,
      description:
        'Who else read a sensitive field of the user that had a value: one entry for each reader, field and day, in the last 90 days, the newest first.',
      query: (_, context) => ({
        where: whereVisibleAnd(context, 'FieldRead', undefined),
        orderBy: [{ at: 'desc' as const }, { id: 'desc' as const }],
      }),
      totalCount: true,
    },
    { description: 'A page of readings.' },
    { description: 'A reading in a list.' },
  ),
);
