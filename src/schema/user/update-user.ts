import { z } from 'zod';
import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { markEmailConfirmed } from '../../identity/accounts/confirm-email.ts';
import { requireNotErased } from '../../identity/accounts/not-erased.ts';
import { rejectNull } from '../../lib/validators.ts';
import { anyone } from '../../policy/conditions.ts';
import { manageStatusRule, profileRule } from './access-rules.ts';
import { profileChanges, profileFields } from './profile-input.ts';
import { User } from './user.ts';

const UpdateUserInput = builder.inputType('UpdateUserInput', {
  description: 'What changes of whom: what is left out stays, null or an empty text clears.',
  validate: rejectNull('emailConfirmed'),
  fields: (t) => ({
    id: t.globalID({ required: true, for: User, description: 'The id of the user.' }),
    ...profileFields(t),
    emailConfirmed: t.boolean({
      access: manageStatusRule,
      validate: z.boolean().refine((confirmed) => confirmed, 'true: what is proven stays so'),
      description: 'True to vouch for the e-mail address as if its owner had proven it.',
    }),
  }),
});

const UpdateUserPayload = builder.simpleObject('UpdateUserPayload', {
  description: 'What comes of changing the profile of a user.',
  access: anyone('it answers what the caller has just done'),
  fields: (t) => ({ user: t.field({ type: User, description: 'The user.' }) }),
});

builder.mutationField('updateUser', (t) =>
  t.field({
    type: UpdateUserPayload,
    nullable: false,
    description: 'Changes the profile of a user. Platform administrators also confirm the e-mail address, but nobody their own.',
    access: profileRule,
    about: 'User',
    args: { input: t.arg({ type: UpdateUserInput, required: true, description: 'The user, and what changes.' }) },
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, viewer, lockTarget, audit }) => {
        const { id: of, emailConfirmed = false, ...profile } = input;
        const { id } = of;
        await lockTarget(id);
        await requireNotErased(tx, id, 'id');
        if (emailConfirmed && id === viewer.user.id) throw graphqlError('SELF_ACTION_FORBIDDEN');
        const changes = profileChanges(profile);
        await tx.user.update({ where: { id }, data: changes });
        if (emailConfirmed) await markEmailConfirmed(tx, id);
        const fields = [...Object.keys(changes), ...(emailConfirmed ? ['emailConfirmed'] : [])];
        await audit({ action: 'user_updated', reason: 'profile', userId: id, target: ['User', id], details: { fields } });
        return { user: await tx.user.findUniqueOrThrow({ where: { id } }) };
      }),
  }),
);
