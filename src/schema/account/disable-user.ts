import { onTransaction, sql } from '../../database/database.ts';
import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { requireAnotherSuperadmin } from '../../identity/accounts/last-superadmin.ts';
import { invalidateLinks } from '../../identity/credentials/email-link.ts';
import { revokeTokens } from '../../identity/tokens/sessions.ts';
import { anyone } from '../../policy/conditions.ts';
import { manageStatusRule } from '../user/access-rules.ts';
import { User } from '../user/user.ts';

const DisableUserInput = builder.inputType('DisableUserInput', {
  description: 'Whose account is disabled.',
  fields: (t) => ({ id: t.globalID({ required: true, for: User, description: 'The id of the user.' }) }),
});

const DisableUserPayload = builder.simpleObject('DisableUserPayload', {
  description: 'What comes of disabling an account.',
  access: anyone('it answers what the caller has just done'),
  fields: (t) => ({
    user: t.field({ type: User, description: 'The user.' }),
    changed: t.boolean({ nullable: false, description: 'Whether anything changed: not if the account was disabled already.' }),
  }),
});

builder.mutationField('disableUser', (t) =>
  t.field({
    type: DisableUserPayload,
    nullable: false,
    description: 'Shuts an account: its sessions and API tokens end at once, and nothing of it signs in.',
    access: manageStatusRule,
    about: 'User',
    args: { input: t.arg({ type: DisableUserInput, required: true, description: 'Whose account.' }) },
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, viewer, lockTarget, audit }) => {
        const { id } = input.id;
        await lockTarget(id);
        if (id === viewer.user.id) throw graphqlError('SELF_ACTION_FORBIDDEN');
        await requireAnotherSuperadmin(tx, id);
        const { count } = await tx.user.updateMany({ where: { id, enabled: true }, data: { enabled: false } });
        if (count > 0) await audit({ action: 'user_updated', reason: 'disabled', userId: id, target: ['User', id] });
        await invalidateLinks(tx, id);
        await revokeTokens(onTransaction(tx), sql`t."userId" = ${id}::uuid`, {
          reason: 'USER_DISABLED',
          initiator: 'ADMIN',
          actor: viewer,
          work: context,
        });
        return { user: await tx.user.findUniqueOrThrow({ where: { id } }), changed: count > 0 };
      }),
  }),
);
