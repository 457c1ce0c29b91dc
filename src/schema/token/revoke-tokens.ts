import { all, any } from '../../authorization/rules/rule.ts';
import { onTransaction, sql } from '../../database/database.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { revocationBy, revokeTokens } from '../../identity/tokens/sessions.ts';
import { domainAdmin, owner, scope } from '../../policy/conditions.ts';
import { toWhere } from '../../policy/evaluators.ts';
import { User } from '../user/user.ts';
import { TokenKind } from './token.ts';

const endRule = all(scope('tokens:revoke'), any(owner, domainAdmin));

builder.relayMutationField(
  'revokeTokens',
  {
    inputFields: (t) => ({
      userId: t.globalID({ required: true, for: User, description: 'Whose tokens.' }),
      kind: t.field({ type: TokenKind, description: 'Only this kind.' }),
    }),
  },
  {
    description:
      'Ends every session and API token of a user that the viewer may end, at once: a domain administrator those sessions that were entered through own domains.',
    access: endRule,
    target: 'User',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, viewer, lockTarget }) => {
        const { id: userId } = input.userId;
        await lockTarget(userId);
        const mine = toWhere(endRule, viewer, 'Token');
        const live = { userId, revokedAt: null, ...(input.kind && { kind: input.kind }) };
        const tokens =
          mine === false ? [] : await tx.token.findMany({ where: mine === true ? live : { AND: [mine, live] }, select: { id: true } });
        const ids = tokens.map(({ id }) => id);
        const ended = await revokeTokens(onTransaction(tx), sql`t.id = any(${ids}::uuid[])`, revocationBy(viewer, userId, context));
        return { ended: ended.length };
      }),
  },
  { outputFields: (t) => ({ ended: t.exposeInt('ended', { nullable: false, description: 'How many ended now.' }) }) },
);
