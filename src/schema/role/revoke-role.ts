import { onTransaction } from '../../database/database.ts';
import { builder } from '../../graphql/builder.ts';
import { type MutationScope, runMutation } from '../../graphql/mutation.ts';
import { requireAnotherSuperadmin } from '../../identity/accounts/last-superadmin.ts';
import { whereActive } from '../../identity/grants/active-grants.ts';
import { loadDelegationPaths, revokeGrants } from '../../identity/grants/delegated-grants.ts';
import { singleLineText } from '../../lib/validators.ts';
import { activeGrants } from '../../policy/grants-scope.ts';
import { User } from '../user/user.ts';
import { canSeeGrantsIn, grantRule, lockGrant, resolveGrant } from './grant-authority.ts';

builder.relayMutationField(
  'revokeRole',
  {
    inputFields: (t) => ({
      userId: t.globalID({ required: true, for: User, description: 'ID of the user.' }),
      role: t.string({ required: true, validate: singleLineText(63), description: 'Name of the role.' }),
      domain: t.string({
        validate: singleLineText(63),
        description: 'Name of the domain. If omitted, the global grant is revoked.',
      }),
    }),
  },
  {
    description:
      'Revokes a role and all grants delegated from it. Only superadmins can revoke ADMIN and SUPERADMIN; domain administrators revoke in their domains, holders of a delegable grant what was delegated from it.',
    access: grantRule,
    target: 'User',
    resolve: (_, { input }, context, info) => {
      const userId = input.userId.id;
      const request = { ...input, userId };
      const revoke = async (mutation: MutationScope) => {
        const { tx, viewer, lockTarget } = mutation;
        await lockTarget(userId);
        const { role, domain, delegableGrants } = await resolveGrant(mutation, request);
        if (role.name === 'SUPERADMIN') await requireAnotherSuperadmin(tx, userId);
        const domainId = domain?.id ?? null;
        const grant = await tx.roleGrant.findFirst({ where: { userId, roleId: role.id, domainId, ...whereActive(viewer.now) } });
        // Whether the user holds the role is not revealed to a caller who cannot see it.
        const isHidden = delegableGrants !== null && !canSeeGrantsIn(viewer, domainId);
        if (!grant || (delegableGrants && !(await isDelegatedByViewer(mutation, grant.id)))) return { changed: isHidden };
        await revokeGrants(mutation, context, [grant.id]);
        return { changed: true };
      };
      return runMutation(context, info, revoke, lockGrant(request));
    },
  },
  {
    outputFields: (t) => ({
      changed: t.exposeBoolean('changed', {
        nullable: false,
        description:
          'True if a grant was revoked. False if there was none, or if the caller may only revoke delegates of their own grants. Always true for a caller who delegates in a domain in which they cannot see grants.',
      }),
    }),
  },
);

/** True if the grant was delegated from a grant of the viewer, directly or over several steps. */
async function isDelegatedByViewer({ tx, viewer }: MutationScope, id: string): Promise<boolean> {
  const path = (await loadDelegationPaths(onTransaction(tx), [id])).get(id) ?? [];
  return activeGrants(viewer).some(({ id: ownId }) => path.includes(ownId));
}
