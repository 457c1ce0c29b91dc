import { all, any } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { admin, anyone, domainAdmin, session, superadmin } from '../../policy/conditions.ts';
import { isAdministrativeRole } from '../role/grant-authority.ts';
import { Invitation } from './invitation.ts';

const RevokeInvitationInput = builder.inputType('RevokeInvitationInput', {
  description: 'Which invitation is good for nothing any more.',
  fields: (t) => ({ id: t.globalID({ required: true, for: Invitation, description: 'The id of the invitation.' }) }),
});

const RevokeInvitationPayload = builder.simpleObject('RevokeInvitationPayload', {
  description: 'What comes of revoking an invitation.',
  access: anyone('it answers what the caller has just done'),
  fields: (t) => ({
    invitation: t.field({ type: Invitation, description: 'The invitation.' }),
    changed: t.boolean({
      nullable: false,
      description: 'Whether anything changed: not if it was accepted or revoked already.',
    }),
  }),
});

builder.mutationField('revokeInvitation', (t) =>
  t.field({
    type: RevokeInvitationPayload,
    nullable: false,
    description:
      'Makes an invitation good for nothing, as far as the caller could have sent it. What was accepted stays: revokeRole ends that.',
    access: all(session, any(domainAdmin, admin)),
    about: 'Invitation',
    args: { input: t.arg({ type: RevokeInvitationInput, required: true, description: 'The invitation.' }) },
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, lockTarget, require, audit }) => {
        const { id } = input.id;
        await lockTarget(id);
        const { role, domainId } = await tx.invitation.findUniqueOrThrow({ where: { id }, include: { role: true } });
        if (isAdministrativeRole(role)) require(superadmin);
        const { count } = await tx.invitation.updateMany({
          where: { id, acceptedAt: null, revokedAt: null },
          data: { revokedAt: new Date() },
        });
        if (count > 0) await audit({ action: 'user_invited', reason: 'revoked', domainId, target: ['Invitation', id] });
        return { invitation: await tx.invitation.findUniqueOrThrow({ where: { id } }), changed: count > 0 };
      }),
  }),
);
