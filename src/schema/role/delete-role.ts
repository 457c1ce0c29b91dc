import { encodeGlobalID } from '@pothos/plugin-relay';
import { all } from '../../authorization/rules/rule.ts';
import type { Tx } from '../../database/database.ts';
import { validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { type MutationScope, runMutation } from '../../graphql/mutation.ts';
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
    resolve: (_, { input }, context, info) => {
      const { id } = input.id;
      const lockAlso = async (tx: Tx) => {
        const grants = await tx.roleGrant.findMany({ where: { roleId: id }, select: { id: true } });
        return { changedGrants: grants.map((grant) => grant.id) };
      };
      const remove = async ({ tx, viewer, lockTarget, audit }: MutationScope) => {
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
      };
      return runMutation(context, info, remove, lockAlso);
    },
  },
  { outputFields: (t) => ({ deletedId: t.exposeID('deletedId', { nullable: false, description: 'ID of the deleted role.' }) }) },
);
