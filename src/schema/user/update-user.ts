import { z } from 'zod';
import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { markEmailConfirmed } from '../../identity/accounts/confirm-email.ts';
import { requireNotErased } from '../../identity/accounts/not-erased.ts';
import { rejectNull } from '../../lib/validators.ts';
import { manageStatusRule, profileRule } from './access-rules.ts';
import { allProfileInputs, profileChanges } from './profile-input.ts';
import { User } from './user.ts';

builder.relayMutationField(
  'updateUser',
  {
    description: 'Fields to change. Omitted fields stay unchanged; null or an empty string clears a profile field.',
    validate: rejectNull('emailConfirmed'),
    inputFields: (t) => ({
      id: t.globalID({ required: true, for: User, description: 'ID of the user.' }),
      ...allProfileInputs(t),
      emailConfirmed: t.boolean({
        access: manageStatusRule,
        validate: z.boolean().refine((confirmed) => confirmed, 'must be true: a confirmation cannot be withdrawn'),
        description: 'Set to true to confirm the email address on behalf of its owner.',
      }),
    }),
  },
  {
    description: 'Updates the profile of a user. Platform administrators may also confirm the email address, except their own.',
    access: profileRule,
    target: 'User',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, viewer, lockTarget, audit }) => {
        const { emailConfirmed = false } = input;
        const { id } = input.id;
        await lockTarget(id);
        await requireNotErased(tx, id, 'id');
        if (emailConfirmed && id === viewer.user.id) throw graphqlError('SELF_ACTION_FORBIDDEN');
        const changes = profileChanges(input);
        await tx.user.update({ where: { id }, data: changes });
        if (emailConfirmed) await markEmailConfirmed(tx, id);
        const fields = [...Object.keys(changes), ...(emailConfirmed ? ['emailConfirmed'] : [])];
        await audit({ action: 'user_updated', reason: 'profile', userId: id, target: { type: 'User', id }, details: { fields } });
        return { user: await tx.user.findUniqueOrThrow({ where: { id } }) };
      }),
  },
  { outputFields: (t) => ({ user: t.expose('user', { type: User, description: 'The updated user.' }) }) },
);
