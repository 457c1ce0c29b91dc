import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { requireAnotherSuperadmin } from '../../identity/accounts/last-superadmin.ts';
import { invalidateLinks } from '../../identity/credentials/email-link.ts';
import { revokeUserTokens } from '../../identity/tokens/sessions.ts';
import { manageStatusRule } from '../user/access-rules.ts';
import { User } from '../user/user.ts';

builder.relayMutationField(
  'disableUser',
  { inputFields: (t) => ({ id: t.globalID({ required: true, for: User, description: 'ID of the user.' }) }) },
  {
    description: 'Disables the account and immediately revokes its sessions and API tokens.',
    access: manageStatusRule,
    workload: 'authentication',
    target: 'User',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, viewer, lockTarget, audit }) => {
        const { id } = input.id;
        await lockTarget(id);
        if (id === viewer.user.id) throw graphqlError('SELF_ACTION_FORBIDDEN');
        await requireAnotherSuperadmin(tx, id);
        const { count } = await tx.user.updateMany({ where: { id, enabled: true }, data: { enabled: false } });
        if (count > 0) await audit({ action: 'user_updated', reason: 'disabled', userId: id, target: { type: 'User', id } });
        await invalidateLinks(tx, id);
        await revokeUserTokens(tx, id, {
          reason: 'USER_DISABLED',
          initiator: 'ADMIN',
          actor: viewer,
          work: context,
        });
        return { user: await tx.user.findUniqueOrThrow({ where: { id } }), changed: count > 0 };
      }),
  },
  {
    outputFields: (t) => ({
      user: t.expose('user', { type: User, description: 'The disabled user.' }),
      changed: t.exposeBoolean('changed', {
        nullable: false,
        description: 'False if the account was already disabled.',
      }),
    }),
  },
);
