import { print, type Rule } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import { singleLineText } from '../../lib/validators.ts';
import { anyone } from '../../policy/conditions.ts';

const AccessRule = builder.objectRef<{ coordinate: string; rule: Rule }>('AccessRule').implement({
  description: 'The rule of one place in the schema.',
  access: anyone('the rules are public, as the schema is'),
  fields: (t) => ({
    coordinate: t.exposeString('coordinate', {
      nullable: false,
      description: 'The place: `User`, `User.email`, `Query.users`, `UserFilter.search`.',
    }),
    rule: t.string({ nullable: false, description: 'The rule as people read it.', resolve: ({ rule }) => print(rule) }),
    tree: t.field({ type: 'JSON', nullable: false, description: 'The rule as data: `is`, `any`, `all`.', resolve: ({ rule }) => rule }),
    sensitive: t.boolean({
      nullable: false,
      description: 'Whether whoever reads it of somebody else leaves a receipt there, in `User.fieldReads`.',
      resolve: ({ coordinate }, _, { access }) => access.sensitive.has(coordinate),
    }),
  }),
});

builder.queryField('accessRules', (t) =>
  t.field({
    type: [AccessRule],
    nullable: { list: false, items: false },
    description: 'The rule of every place in the schema, as the server enforces it.',
    access: anyone('the rules are public, as the schema is'),
    args: { type: t.arg.string({ validate: singleLineText(120), description: 'Only those of this type.' }) },
    resolve: (_, { type }, { access }) =>
      [...access.rules]
        .flatMap(([coordinate, rule]) =>
          type == null || coordinate === type || coordinate.startsWith(`${type}.`) ? [{ coordinate, rule }] : [],
        )
        .sort((a, b) => (a.coordinate < b.coordinate ? -1 : 1)),
  }),
);
