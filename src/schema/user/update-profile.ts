import { all } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { anyone, scope, self } from '../../policy/conditions.ts';
import { profileChanges, profileFields } from './profile-input.ts';
import { User } from './user.ts';

const UpdateProfileInput = builder.inputType('UpdateProfileInput', {
  description: 'What changes: what is left out stays, null or an empty text clears.',
  fields: profileFields,
});

const UpdateProfilePayload = builder.simpleObject('UpdateProfilePayload', {
  description: 'What comes of changing a profile.',
  access: anyone('it answers what the caller has just done'),
  fields: (t) => ({ user: t.field({ type: User, description: 'The user.' }) }),
});

builder.mutationField('updateProfile', (t) =>
  t.field({
    type: UpdateProfilePayload,
    nullable: false,
    description: 'Changes the profile of the viewer.',
    access: all(scope('users:write'), self),
    about: 'User',
    args: { input: t.arg({ type: UpdateProfileInput, required: true, description: 'What changes.' }) },
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
          target: ['User', id],
          details: { fields: Object.keys(changes) },
        });
        return { user };
      }),
  }),
);
