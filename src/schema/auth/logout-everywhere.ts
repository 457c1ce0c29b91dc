import { onTransaction, sql } from '../../database/database.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { revokeTokens } from '../../identity/tokens/sessions.ts';
import { session } from '../../policy/conditions.ts';

builder.relayMutationField(
  'logoutEverywhere',
  {
    inputFields: (t) => ({
      exceptCurrent: t.boolean({ defaultValue: false, description: 'Keeps the session of this request. Defaults to false.' }),
    }),
  },
  {
    description: 'Revokes all sessions of the viewer. API tokens are unchanged.',
    access: session,
    workload: 'authentication',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, viewer }) => {
        const sessions = sql`t."userId" = ${viewer.user.id}::uuid and t.kind = 'SESSION' and (t.id <> ${viewer.token.id}::uuid or ${!input.exceptCurrent}::bool)`;
        const cause = { reason: 'LOGOUT', initiator: 'USER', actor: viewer, work: context } as const;
        const revoked = await revokeTokens(onTransaction(tx), sessions, cause);
        return { ended: revoked.length };
      }),
  },
  { outputFields: (t) => ({ ended: t.exposeInt('ended', { nullable: false, description: 'The number of sessions that were revoked.' }) }) },
);
