import { builder } from '../../graphql/builder.ts';
import { anyone } from '../../policy/conditions.ts';

export const AccessChange = builder.simpleObject('AccessChange', {
  description: 'For how many rows the right of a user at one place of the schema would change.',
  access: anyone('it answers what the caller has just asked for'),
  fields: (t) => ({
    coordinate: t.string({ nullable: false, description: 'The place: `User`, `User.email`, `Mutation.disableUser`.' }),
    gained: t.int({ nullable: false, description: 'For how many of the rows that the caller may know of, the user would gain the right.' }),
    lost: t.int({ nullable: false, description: 'For how many of the rows that the caller may know of, the user would lose the right.' }),
  }),
});
