import { onTransaction, sql } from '../../database/database.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { revokeTokens } from '../../identity/tokens/sessions.ts';
import { session } from '../../policy/conditions.ts';

builder.relayMutationField(
  'logout',
  null,
  {
    description: 'Ends the session that the request came with.',
    access: session,
    resolve: (_, __, context, info) =>
      runMutation(context, info, async ({ tx, viewer }) => {
        const ending = { reason: 'LOGOUT', initiator: 'USER', actor: viewer, work: context } as const;
        return { ended: (await revokeTokens(onTransaction(tx), sql`t.id = ${viewer.token.id}::uuid`, ending)).length > 0 };
      }),
  },
  { outputFields: (t) => ({ ended: t.exposeBoolean('ended', { nullable: false, description: 'Whether the session ended now.' }) }) },
);
