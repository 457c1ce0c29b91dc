import { print, type Rule } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import { anyone } from '../../policy/conditions.ts';

/** An element of an operation whose rule denies access. */
export interface Denied {
  readonly coordinate: string;
  readonly path: readonly string[];
  readonly rule: Rule;
}

export const AccessDenial = builder.objectRef<Denied>('AccessDenial').implement({
  description: 'An element of an operation to which access is denied or undecided.',
  access: anyone('rules are as public as the schema'),
  fields: (t) => ({
    coordinate: t.exposeString('coordinate', { nullable: false, description: 'Coordinate of the element, as in `accessRules`.' }),
    path: t.exposeStringList('path', {
      nullable: { list: false, items: false },
      description: 'Response path of its first occurrence in the document.',
    }),
    rule: t.string({ nullable: false, description: 'The rule as text.', resolve: ({ rule }) => print(rule) }),
  }),
});
