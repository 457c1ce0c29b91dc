import { all } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { reached, scope, self } from '../../policy/conditions.ts';
import { allProfileInputs, profileChanges } from './profile-input.ts';
import { User } from './user.ts';

builder.relayMutationField(
  'updateProfile',
  {
    description: 'Fields to change. Omitted fields stay unchanged; null or an empty string clears a field.',
    inputFields: allProfileInputs,
  },
  {
    description: 'Updates the profile of the viewer.',
    access: all(scope('users:write'), self, reached),
    target: 'User',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, viewer, lockTarget, audit }) => {
        const { id } = viewer.user;
        await lockTarget(id);
        const changes = profileChanges(input);
        const user = await tx.user.update({ where: { id }, data: changes });
        await audit({
          action: 'user_updated',
          reason: 'profile',
          userId: id,
          target: { type: 'User', id },
          details: { fields: Object.keys(changes) },
        });
        return { user };
      }),
  },
  { outputFields: (t) => ({ user: t.expose('user', { type: User, description: 'The updated user.' }) }) },
);
