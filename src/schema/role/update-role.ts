import { all } from '../../authorization/rules/rule.ts';
import { validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { emptyToNull, multiLineText, rejectNull } from '../../lib/validators.ts';
import { session, superadmin } from '../../policy/conditions.ts';
import { permissionNames } from './permission-input.ts';
import { Role } from './role.ts';

builder.relayMutationField(
  'updateRole',
  {
    description: 'What changes of a role: what is left out stays.',
    validate: rejectNull('permissions'),
    inputFields: (t) => ({
      id: t.globalID({ required: true, for: Role, description: 'The id of the role.' }),
      description: t.string({ validate: multiLineText(2_000), description: 'What the role is for; null or an empty text clears it.' }),
      permissions: t.stringList({ validate: permissionNames, description: 'All that it permits, by the names of permissions.' }),
    }),
  },
  {
    description: 'Changes a role, for all who hold it, at their next request. The built-in ones are immutable.',
    access: all(session, superadmin),
    target: 'Role',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, lockTarget, audit }) => {
        const { id } = input.id;
        await lockTarget(id);
        const before = await tx.role.findUniqueOrThrow({ where: { id } });
        if (before.builtIn) throw validationError({ id: ['built-in roles are immutable'] });
        const { description, permissions } = input;
        const data = { ...(description !== undefined && { description: emptyToNull(description) }), ...(permissions && { permissions }) };
        const role = await tx.role.update({ where: { id }, data });
        const details = { name: role.name, before: before.permissions, after: role.permissions };
        await audit({ action: 'authz_change', reason: 'role updated', target: { type: 'Role', id }, details });
        return { role };
      }),
  },
  { outputFields: (t) => ({ role: t.expose('role', { type: Role, description: 'The role.' }) }) },
);
