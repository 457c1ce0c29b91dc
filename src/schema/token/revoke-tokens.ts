import { all, any } from '../../authorization/rules/rule.ts';
import { onTransaction, sql, type Tx } from '../../database/database.ts';
import type { Prisma } from '../../database/generated/prisma/client.ts';
import { builder } from '../../graphql/builder.ts';
import { type MutationScope, runMutation } from '../../graphql/mutation.ts';
import { invalidateLinks } from '../../identity/credentials/email-link.ts';
import { grantsOf } from '../../identity/grants/grants-of.ts';
import { endPendingEntries, endPendingLogins, revocationBy, revokeTokens } from '../../identity/tokens/sessions.ts';
import { isPlatformAdmin, type Viewer } from '../../identity/viewer.ts';
import { domainAdmin, owner, scope } from '../../policy/conditions.ts';
import { toWhere } from '../../policy/policy.ts';
import { User } from '../user/user.ts';
import { TokenKind } from './token.ts';

const revokeRule = all(scope('tokens:revoke'), any(owner, domainAdmin));

builder.relayMutationField(
  'revokeTokens',
  {
    inputFields: (t) => ({
      userId: t.globalID({ required: true, for: User, description: 'ID of the user.' }),
      kind: t.field({ type: TokenKind, description: 'Revokes only tokens of this kind.' }),
    }),
  },
  {
    description:
      'Immediately revokes all sessions and API tokens of a user that the viewer may revoke. Domain administrators can revoke those of their domains.',
    access: revokeRule,
    workload: 'authentication',
    target: 'User',
    resolve: (_, { input }, context, info) => {
      const { id: userId } = input.userId;
      const endsLogins = input.kind !== 'API';
      const revoke = async ({ tx, viewer, lockTarget }: MutationScope) => {
        await lockTarget(userId);
        if (endsLogins) await endLogins(tx, viewer, userId);
        const ids = await findRevocable(tx, viewer, { userId, revokedAt: null, ...(input.kind && { kind: input.kind }) });
        const revoked = await revokeTokens(onTransaction(tx), sql`t.id = any(${ids}::uuid[])`, revocationBy(viewer, userId, context));
        return { ended: revoked.length };
      };
      const lockAlso = async (tx: Tx) => ({ changedGrants: endsLogins ? await grantsOf(tx, userId) : [] });
      return runMutation(context, info, revoke, lockAlso);
    },
  },
  { outputFields: (t) => ({ ended: t.exposeInt('ended', { nullable: false, description: 'The number of tokens that were revoked.' }) }) },
);

/** Ends the logins and changes of the address of the user that are in progress. Administrators of a domain do not end those elsewhere. */
async function endLogins(tx: Tx, viewer: Viewer, userId: string): Promise<void> {
  const inDomains = toWhere(domainAdmin, viewer, 'RoleGrant');
  if (userId === viewer.user.id || isPlatformAdmin(viewer)) {
    await endPendingLogins(tx, userId);
    await invalidateLinks(tx, userId, ['CHANGE_EMAIL']); // one of the sessions may have requested it, without the owner
  } else if (typeof inDomains === 'object') await endPendingEntries(tx, userId, inDomains);
}

/** The ids of the matching tokens that the viewer may revoke. */
async function findRevocable(tx: Tx, viewer: Viewer, filter: Prisma.TokenWhereInput): Promise<string[]> {
  const allowed = toWhere(revokeRule, viewer, 'Token');
  if (allowed === false) return [];
  const tokens = await tx.token.findMany({ where: allowed === true ? filter : { AND: [allowed, filter] }, select: { id: true } });
  return tokens.map(({ id }) => id);
}
