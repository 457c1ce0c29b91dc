import { encodeGlobalID } from '@pothos/plugin-relay';
import { all } from '../../authorization/rules/rule.ts';
import { validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { whereActive } from '../../identity/grants/active-grants.ts';
import { session, superadmin } from '../../policy/conditions.ts';
import { Role } from './role.ts';

builder.relayMutationField(
  'deleteRole',
  { inputFields: (t) => ({ id: t.globalID({ required: true, for: Role, description: 'ID of the role.' }) }) },
  {
    description: 'Deletes a role that no user holds. Built-in roles cannot be deleted.',
    access: all(session, superadmin),
    target: 'Role',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, viewer, lockTarget, audit }) => {
        const { id } = input.id;
        await lockTarget(id);
        const role = await tx.role.findUniqueOrThrow({ where: { id } });
        if (role.builtIn) throw validationError({ id: ['must not be a built-in role'] });
        if (role.name === context.config.DEFAULT_ROLE)
          throw validationError({ id: ['must not be the default role of new users (DEFAULT_ROLE)'] });
        const grant = await tx.roleGrant.findFirst({ where: { roleId: id, ...whereActive(viewer.now) } });
        if (grant) throw validationError({ id: ['must not be granted to a user; revoke it first'] });
        await tx.roleGrant.deleteMany({ where: { roleId: id } });
        await tx.role.delete({ where: { id } });
        await audit({ action: 'authz_admin', reason: 'role deleted', target: { type: 'Role', id }, details: { name: role.name } });
        return { deletedId: encodeGlobalID('Role', id) };
      }),
  },
  { outputFields: (t) => ({ deletedId: t.exposeID('deletedId', { nullable: false, description: 'ID of the deleted role.' }) }) },
);
