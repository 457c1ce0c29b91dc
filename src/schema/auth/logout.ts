import { onTransaction, sql } from '../../database/database.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { revokeTokens } from '../../identity/tokens/sessions.ts';
import { session } from '../../policy/conditions.ts';

builder.relayMutationField(
  'logout',
  null,
  {
    description: 'Revokes the session of this request.',
    access: session,
    workload: 'authentication',
    resolve: (_, __, context, info) =>
      runMutation(context, info, async ({ tx, viewer }) => {
        const cause = { reason: 'LOGOUT', initiator: 'USER', actor: viewer, work: context } as const;
        return { ended: (await revokeTokens(onTransaction(tx), sql`t.id = ${viewer.token.id}::uuid`, cause)).length > 0 };
      }),
  },
  {
    outputFields: (t) => ({
      ended: t.exposeBoolean('ended', { nullable: false, description: 'True if the session was revoked, false if it already was.' }),
    }),
  },
);
