import type { AccessChange as AccessChangeShape } from '../../authorization/explain/access-diff.ts';
import { builder } from '../../graphql/builder.ts';
import { anyone } from '../../policy/conditions.ts';

export const AccessChange = builder.objectRef<AccessChangeShape>('AccessChange').implement({
  description: 'The change in the number of rows that a user can access at one coordinate of the schema.',
  access: anyone('it counts only rows that the caller can see'),
  fields: (t) => ({
    coordinate: t.exposeString('coordinate', {
      nullable: false,
      description: 'The schema coordinate, such as `User`, `User.email` or `Mutation.disableUser`.',
    }),
    gained: t.exposeInt('gained', {
      nullable: false,
      description: 'The number of rows visible to the caller that the user would gain access to.',
    }),
    lost: t.exposeInt('lost', {
      nullable: false,
      description: 'The number of rows visible to the caller that the user would lose access to.',
    }),
  }),
});
