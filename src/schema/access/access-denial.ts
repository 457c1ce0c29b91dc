import { print, type Rule } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import { anyone } from '../../policy/conditions.ts';

/** A place of an operation whose rule is not met. */
export interface Denied {
  readonly coordinate: string;
  readonly path: readonly string[];
  readonly rule: Rule;
}

export const AccessDenial = builder.objectRef<Denied>('AccessDenial').implement({
  description: 'A place of an operation whose rule is not met.',
  access: anyone('the rules are public, as the schema is'),
  fields: (t) => ({
    coordinate: t.exposeString('coordinate', { nullable: false, description: 'The place in the schema, as `accessRules` names it.' }),
    path: t.exposeStringList('path', {
      nullable: { list: false, items: false },
      description: 'Where it first stands in the document: the response names that lead to it.',
    }),
    rule: t.string({ nullable: false, description: 'The rule as people read it.', resolve: ({ rule }) => print(rule) }),
  }),
});
