import { print, type Rule } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import { anyone } from '../../policy/conditions.ts';

/** A mutation on an object, and the decision whether the viewer may run it. */
export interface Operation {
  readonly name: string;
  readonly rule: Rule;
  readonly allowed: boolean;
}

export const OperationAccess = builder.objectRef<Operation>('OperationAccess').implement({
  description: 'A mutation on the object, and whether the viewer may run it.',
  access: anyone('it is part of an object that the caller can see'),
  fields: (t) => ({
    name: t.exposeString('name', { nullable: false, description: 'Name of the mutation.' }),
    allowed: t.exposeBoolean('allowed', {
      nullable: false,
      description:
        'True if the rule of the mutation currently allows it for this object. Rules of single input fields, and the ban on some actions on your own account, apply when it runs.',
    }),
    rule: t.string({ nullable: false, description: 'The rule as text.', resolve: ({ rule }) => print(rule) }),
  }),
});
