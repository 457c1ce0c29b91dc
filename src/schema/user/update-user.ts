import { z } from 'zod';
import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { markEmailConfirmed } from '../../identity/accounts/confirm-email.ts';
import { requireNotErased } from '../../identity/accounts/not-erased.ts';
import { rejectNull } from '../../lib/validators.ts';
import { enqueueEmail, requestOrigin } from '../../mail/outbox.ts';
import { confirmWithoutProofRule, profileRule } from './access-rules.ts';
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
        access: confirmWithoutProofRule,
        validate: z.boolean().refine((confirmed) => confirmed, 'must be true: a confirmation cannot be withdrawn'),
        description:
          'Set to true to mark the email address as confirmed without proof, which requires a recent authentication. The owner is notified by email.',
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
        const target = { type: 'User', id };
        if (emailConfirmed && (await markEmailConfirmed(tx, id))) {
          await enqueueEmail(tx, 'emailMarkedConfirmed', { userId: id }, requestOrigin(context.client));
          await audit({ action: 'user_updated', reason: 'email confirmed without proof', userId: id, target });
        }
        const fields = Object.keys(changes);
        if (fields.length > 0) await audit({ action: 'user_updated', reason: 'profile', userId: id, target, details: { fields } });
        return { user: await tx.user.findUniqueOrThrow({ where: { id } }) };
      }),
  },
  { outputFields: (t) => ({ user: t.expose('user', { type: User, description: 'The updated user.' }) }) },
);
