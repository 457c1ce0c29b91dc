import { all, any } from '../../authorization/rules/rule.ts';
import { sql } from '../../database/database.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { admin, domainAdmin, session, superadmin } from '../../policy/conditions.ts';
import { isAdministrativeRole } from '../role/grant-authority.ts';
import { Invitation } from './invitation.ts';

builder.relayMutationField(
  'revokeInvitation',
  { inputFields: (t) => ({ id: t.globalID({ required: true, for: Invitation, description: 'ID of the invitation.' }) }) },
  {
    description: 'Revokes an invitation that the caller could have sent. If it was already accepted, use `revokeRole` instead.',
    access: all(session, any(domainAdmin, admin)),
    target: 'Invitation',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, lockTarget, require, audit }) => {
        const { id } = input.id;
        await lockTarget(id);
        const { role, domainId } = await tx.invitation.findUniqueOrThrow({ where: { id }, include: { role: true } });
        if (isAdministrativeRole(role)) require(superadmin);
        const revoked = await tx.$queryRaw<unknown[]>(sql`
          update "Invitation" set "revokedAt" = clock_timestamp() where id = ${id}::uuid and "acceptedAt" is null and "revokedAt" is null returning 1`);
        if (revoked.length > 0) await audit({ action: 'user_invited', reason: 'revoked', domainId, target: { type: 'Invitation', id } });
        return { invitation: await tx.invitation.findUniqueOrThrow({ where: { id } }), changed: revoked.length > 0 };
      }),
  },
  {
    outputFields: (t) => ({
      invitation: t.expose('invitation', { type: Invitation, description: 'The revoked invitation.' }),
      changed: t.exposeBoolean('changed', {
        nullable: false,
        description: 'False if the invitation was already accepted or revoked.',
      }),
    }),
  },
);
