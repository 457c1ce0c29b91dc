import { anyone } from '../access/vocabulary.ts';
import { write } from '../access/write.ts';
import { builder } from '../builder.ts';
import { line } from '../input.ts';
import { keepOneSuperadmin } from '../user/last-superadmin.ts';
import { User } from '../user/user.ts';
import { grantable, grantRule } from './grantable.ts';
import { inForce } from './role-grant.ts';

const RevokeRoleInput = builder.inputType('RevokeRoleInput', {
  description: 'Who is to lose which role, and where.',
  fields: (t) => ({
    userId: t.globalID({ required: true, for: User, description: 'Who is to lose the role.' }),
    role: t.string({ required: true, validate: line(63), description: 'The name of the role.' }),
    domain: t.string({ validate: line(63), description: 'The name of the domain; left out, the grant that holds everywhere.' }),
  }),
});

const RevokeRolePayload = builder.simpleObject('RevokeRolePayload', {
  description: 'What comes of revoking a role.',
  access: anyone('it answers what the caller has just done'),
  fields: (t) => ({
    changed: t.boolean({ nullable: false, description: 'Whether anything changed: not if the user did not hold the role there.' }),
  }),
});

builder.mutationField('revokeRole', (t) =>
  t.field({
    type: RevokeRolePayload,
    nullable: false,
    description:
      'Revokes a role. ADMIN and SUPERADMIN are revoked by superadmins alone; a domain administrator revokes in own domains only.',
    access: grantRule,
    args: { input: t.arg({ type: RevokeRoleInput, required: true, description: 'The grant.' }) },
    resolve: (_, { input }, context, info) =>
      write(context, info, async (writing) => {
        const { tx, viewer, target, audit } = writing;
        const userId = input.userId.id;
        await target('User', userId);
        const { role, domain } = await grantable(writing, input);
        if (role.name === 'SUPERADMIN') await keepOneSuperadmin(tx, userId);
        const domainId = domain?.id ?? null;
        const grant = await tx.roleGrant.findFirst({ where: { userId, roleId: role.id, domainId, ...inForce(viewer.now) } });
        if (!grant) return { changed: false };
        await tx.roleGrant.delete({ where: { id: grant.id } });
        const about = { userId, domainId, target: ['RoleGrant', grant.id] } as const;
        const details = { role: role.name, domain: domain?.name ?? null };
        await audit({ action: 'privilege_permissions_changed', reason: 'revoked', ...about, details });
        return { changed: true };
      }),
  }),
);
