import { decodeGlobalID, encodeGlobalID } from '@pothos/plugin-relay';
import { loadVisible } from '../../authorization/evaluate/decisions.ts';
import { all, any } from '../../authorization/rules/rule.ts';
import { onTransaction, sql } from '../../database/database.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { revocationBy, revokeTokens } from '../../identity/tokens/sessions.ts';
import { domainAdmin, owner, scope } from '../../policy/conditions.ts';
import { Token } from './token.ts';

builder.relayMutationField(
  'revokeToken',
  { inputFields: (t) => ({ id: t.globalID({ required: true, for: Token, description: 'ID of the session or API token.' }) }) },
  {
    description: 'Revokes a session or an API token immediately. Domain administrators can revoke those of their domains.',
    access: all(scope('tokens:revoke'), any(owner, domainAdmin)),
    workload: 'authentication',
    target: 'Token',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, viewer, lockTarget }) => {
        const { id } = input.id;
        await lockTarget(id);
        const { userId } = await tx.token.findUniqueOrThrow({ where: { id }, select: { userId: true } });
        const revoked = await revokeTokens(onTransaction(tx), sql`t.id = ${id}::uuid`, revocationBy(viewer, userId, context));
        return { tokenId: encodeGlobalID('Token', id), changed: revoked.length > 0 };
      }),
  },
  {
    outputFields: (t) => ({
      tokenId: t.exposeID('tokenId', { nullable: false, description: 'ID of the token.' }),
      changed: t.exposeBoolean('changed', { nullable: false, description: 'False if the token was already revoked or had expired.' }),
      token: t.field({
        type: Token,
        description: 'The token, or null if the viewer may not read it.',
        resolve: ({ tokenId }, _, context) => loadVisible(context, 'Token', decodeGlobalID(tokenId).id),
      }),
    }),
  },
);
