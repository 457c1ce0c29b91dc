import { onTransaction } from '../../database/database.ts';
import { builder } from '../../graphql/builder.ts';
import { type MutationScope, runMutation } from '../../graphql/mutation.ts';
import { requireAnotherSuperadmin } from '../../identity/accounts/last-superadmin.ts';
import { whereActive } from '../../identity/grants/active-grants.ts';
import { loadDelegationPaths, revokeGrants } from '../../identity/grants/delegated-grants.ts';
import { singleLineText } from '../../lib/validators.ts';
import { activeGrants } from '../../policy/grants-scope.ts';
import { User } from '../user/user.ts';
import { grantRule, resolveGrant } from './grant-authority.ts';

builder.relayMutationField(
  'revokeRole',
  {
    inputFields: (t) => ({
      userId: t.globalID({ required: true, for: User, description: 'Who is to lose the role.' }),
      role: t.string({ required: true, validate: singleLineText(63), description: 'The name of the role.' }),
      domain: t.string({ validate: singleLineText(63), description: 'The name of the domain; left out, the grant that holds everywhere.' }),
    }),
  },
  {
    description:
      'Revokes a role, and all that was passed on from that grant. ADMIN and SUPERADMIN are revoked by superadmins alone; a domain administrator revokes in own domains only; the holder of a grant that may be passed on revokes what was passed on from it.',
    access: grantRule,
    target: 'User',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async (writing) => {
        const { tx, viewer, lockTarget } = writing;
        const userId = input.userId.id;
        await lockTarget(userId);
        const { role, domain, through } = await resolveGrant(writing, { ...input, userId });
        if (role.name === 'SUPERADMIN') await requireAnotherSuperadmin(tx, userId);
        const domainId = domain?.id ?? null;
        const grant = await tx.roleGrant.findFirst({ where: { userId, roleId: role.id, domainId, ...whereActive(viewer.now) } });
        if (!grant || (through && !(await isPassedOn(writing, grant.id)))) return { changed: false };
        await revokeGrants(writing, context, [grant.id]);
        return { changed: true };
      }),
  },
  {
    outputFields: (t) => ({
      changed: t.exposeBoolean('changed', {
        nullable: false,
        description:
          'Whether anything changed: not if the user did not hold the role there, or by the authority of others than the caller, who passes on an own grant.',
      }),
    }),
  },
);

/** Whether the grant was passed on from one of the viewer's own, directly or further down. */
async function isPassedOn({ tx, viewer }: MutationScope, id: string): Promise<boolean> {
  const path = (await loadDelegationPaths(onTransaction(tx), [id])).get(id) ?? [];
  return activeGrants(viewer).some((own) => path.includes(own.id));
}
