import { print, type Rule } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import { anyone } from '../../policy/conditions.ts';

/** What the viewer may do with an object. */
export interface Operation {
  readonly name: string;
  readonly rule: Rule;
  readonly allowed: boolean;
}

export const OperationAccess = builder.objectRef<Operation>('OperationAccess').implement({
  description: 'A mutation that is about the object, and whether the viewer may use it.',
  access: anyone('whoever was given the object may read it'),
  fields: (t) => ({
    name: t.exposeString('name', { nullable: false, description: 'The name of the mutation.' }),
    allowed: t.exposeBoolean('allowed', {
      nullable: false,
      description:
        'Whether its rule is met for this object, now. What an input asks for besides, and what nobody does to themselves, is decided when it is used.',
    }),
    rule: t.string({ nullable: false, description: 'The rule as people read it.', resolve: ({ rule }) => print(rule) }),
  }),
});
