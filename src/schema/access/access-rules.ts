import { print, type Rule } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import { singleLineText } from '../../lib/validators.ts';
import { anyone } from '../../policy/conditions.ts';
import { requireRuleDisclosure } from './rule-disclosure.ts';

const AccessRule = builder.objectRef<{ coordinate: string; rule: Rule }>('AccessRule').implement({
  description: 'The access rule of one schema element.',
  access: anyone('rules are as public as the schema'),
  fields: (t) => ({
    coordinate: t.exposeString('coordinate', {
      nullable: false,
      description: 'Coordinate of the element, such as `User`, `User.email`, `Query.users` or `UserFilter.search`.',
    }),
    rule: t.string({ nullable: false, description: 'The rule as text.', resolve: ({ rule }) => print(rule) }),
    tree: t.field({
      type: 'JSON',
      nullable: false,
      description: 'The rule as data: nested objects with `is`, `any` or `all`.',
      resolve: ({ rule }) => rule,
    }),
    sensitive: t.boolean({
      nullable: false,
      description: 'True if reads by other users are recorded in `User.fieldReads`.',
      resolve: ({ coordinate }, _, { access }) => access.sensitive.has(coordinate),
    }),
  }),
});

builder.queryField('accessRules', (t) =>
  t.field({
    type: [AccessRule],
    nullable: { list: false, items: false },
    description: 'The access rules that the server enforces, by coordinate. Requires a signed-in caller if introspection is disabled.',
    access: anyone('rules are as public as the schema'),
    args: { type: t.arg.string({ validate: singleLineText(120), description: 'Include only the type with this name and its fields.' }) },
    resolve: (_, { type }, context) => {
      requireRuleDisclosure(context);
      return [...context.access.rules]
        .flatMap(([coordinate, rule]) =>
          type == null || coordinate === type || coordinate.startsWith(`${type}.`) ? [{ coordinate, rule }] : [],
        )
        .sort((a, b) => (a.coordinate < b.coordinate ? -1 : 1));
    },
  }),
);
