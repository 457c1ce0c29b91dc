import { all } from '../../authorization/rules/rule.ts';
import { validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { emptyToNull, paragraphText, rejectNull } from '../../lib/validators.ts';
import { session, superadmin } from '../../policy/conditions.ts';
import { permissionNames } from './permission-input.ts';
import { Role } from './role.ts';

builder.relayMutationField(
  'updateRole',
  {
    description: 'Fields to change. Omitted fields stay unchanged.',
    validate: rejectNull('permissions'),
    inputFields: (t) => ({
      id: t.globalID({ required: true, for: Role, description: 'ID of the role.' }),
      description: t.string({ validate: paragraphText(2_000), description: 'Purpose of the role. Null or an empty string clears it.' }),
      permissions: t.stringList({
        validate: permissionNames,
        description: 'Names of the permissions. Replaces all permissions of the role.',
      }),
    }),
  },
  {
    description: 'Updates a role. Takes effect for all holders at their next request; built-in roles cannot be changed.',
    access: all(session, superadmin),
    target: 'Role',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, lockTarget, audit }) => {
        const { id } = input.id;
        await lockTarget(id);
        const before = await tx.role.findUniqueOrThrow({ where: { id } });
        if (before.builtIn) throw validationError({ id: ['must not be a built-in role'] });
        const { description, permissions } = input;
        const data = { ...(description !== undefined && { description: emptyToNull(description) }), ...(permissions && { permissions }) };
        const role = await tx.role.update({ where: { id }, data });
        const details = { name: role.name, before: before.permissions, after: role.permissions };
        await audit({ action: 'authz_change', reason: 'role updated', target: { type: 'Role', id }, details });
        return { role };
      }),
  },
  { outputFields: (t) => ({ role: t.expose('role', { type: Role, description: 'The updated role.' }) }) },
);
