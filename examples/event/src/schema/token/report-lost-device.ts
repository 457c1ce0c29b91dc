import { all } from '../../authorization/rules/rule.ts';
import { onTransaction, sql } from '../../database/database.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { revokeTokens } from '../../identity/tokens/sessions.ts';
import { self, session } from '../../policy/conditions.ts';
import { Token } from './token.ts';

builder.relayMutationField(
  'reportLostDevice',
  { inputFields: (t) => ({ id: t.globalID({ required: true, for: Token, description: 'ID of the session on the device.' }) }) },
  {
    description: 'Revokes the session on a lost device.',
    access: all(session, self),
    target: 'Token',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, viewer, lockTarget }) => {
        const { id } = input.id;
        await lockTarget(id);
        const cause = { reason: 'DEVICE_LOST', initiator: 'USER', actor: viewer, work: context } as const;
        const revoked = await revokeTokens(onTransaction(tx), sql`t.id = ${id}::uuid`, cause);
        return { changed: revoked.length > 0 };
      }),
  },
  { outputFields: (t) => ({ changed: t.exposeBoolean('changed', { nullable: false, description: 'False if it was revoked before.' }) }) },
);
