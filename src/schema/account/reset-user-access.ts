import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { invalidateLinks } from '../../identity/credentials/email-link.ts';
import { revokeUserTokens } from '../../identity/tokens/sessions.ts';
import { enqueueNotice } from '../../mail/outbox.ts';
import { manageStatusRule } from '../user/access-rules.ts';
import { User } from '../user/user.ts';

builder.relayMutationField(
  'resetUserAccess',
  { inputFields: (t) => ({ id: t.globalID({ required: true, for: User, description: 'ID of the user.' }) }) },
  {
    description:
      'Revokes all sessions and API tokens of a user and invalidates the links in emails already sent. The password is unchanged.',
    access: manageStatusRule,
    target: 'User',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, viewer, lockTarget, audit }) => {
        const { id } = input.id;
        await lockTarget(id);
        if (id === viewer.user.id) throw graphqlError('SELF_ACTION_FORBIDDEN');
        await audit({ action: 'user_updated', reason: 'access reset', userId: id, target: { type: 'User', id } });
        await invalidateLinks(tx, id);
        const cause = { reason: 'ACCESS_RESET', initiator: 'ADMIN', actor: viewer, work: context } as const;
        const revoked = await revokeUserTokens(tx, id, cause);
        await enqueueNotice(tx, 'accessReset', id, {});
        return { user: await tx.user.findUniqueOrThrow({ where: { id } }), ended: revoked.length };
      }),
  },
  {
    outputFields: (t) => ({
      user: t.expose('user', { type: User, description: 'The user whose access was reset.' }),
      ended: t.exposeInt('ended', { nullable: false, description: 'The number of sessions and API tokens that were revoked.' }),
    }),
  },
);
