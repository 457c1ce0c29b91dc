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
  { inputFields: (t) => ({ id: t.globalID({ required: true, for: Token, description: 'The id of the session or API token.' }) }) },
  {
    description: 'Ends a session or an API token, everywhere. A domain administrator ends what was entered through own domains.',
    access: all(scope('tokens:revoke'), any(owner, domainAdmin)),
    target: 'Token',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, viewer, lockTarget }) => {
        const { id } = input.id;
        await lockTarget(id);
        const { userId } = await tx.token.findUniqueOrThrow({ where: { id }, select: { userId: true } });
        const ended = await revokeTokens(onTransaction(tx), sql`t.id = ${id}::uuid`, revocationBy(viewer, userId, context));
        return { tokenId: encodeGlobalID('Token', id), changed: ended.length > 0 };
      }),
  },
  {
    outputFields: (t) => ({
      tokenId: t.exposeID('tokenId', { nullable: false, description: 'The id of the token.' }),
      changed: t.exposeBoolean('changed', { nullable: false, description: 'Whether it ended now: not if it had ended before.' }),
      token: t.field({
        type: Token,
        description: 'The token, if the viewer may read it.',
        resolve: ({ tokenId }, _, context) => loadVisible(context, 'Token', decodeGlobalID(tokenId).id) as never,
      }),
    }),
  },
);
