import { onTransaction, sql } from '../../database/database.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { revokeTokens } from '../../identity/tokens/sessions.ts';
import { session } from '../../policy/conditions.ts';

builder.relayMutationField(
  'logoutEverywhere',
  {
    inputFields: (t) => ({
      exceptCurrent: t.boolean({ defaultValue: false, description: 'Whether the session of this request goes on.' }),
    }),
  },
  {
    description: 'Ends all sessions of the viewer; API tokens stay.',
    access: session,
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, viewer }) => {
        const which = sql`t."userId" = ${viewer.user.id}::uuid and t.kind = 'SESSION' and (t.id <> ${viewer.token.id}::uuid or ${!input.exceptCurrent}::bool)`;
        const ended = await revokeTokens(onTransaction(tx), which, {
          reason: 'LOGOUT',
          initiator: 'USER',
          actor: viewer,
          work: context,
        });
        return { ended: ended.length };
      }),
  },
  { outputFields: (t) => ({ ended: t.exposeInt('ended', { nullable: false, description: 'How many sessions ended now.' }) }) },
);
