import { all } from '../../authorization/rules/rule.ts';
import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { idempotencyKeyField, runCreation } from '../../graphql/idempotency.ts';
import { emptyToNull, paragraphText, roleName } from '../../lib/validators.ts';
import { session, superadmin } from '../../policy/conditions.ts';
import { permissionNames } from './permission-input.ts';
import { Role } from './role.ts';

builder.relayMutationField(
  'createRole',
  {
    inputFields: (t) => ({
      name: t.string({ required: true, validate: roleName, description: 'Unique name, in uppercase.' }),
      description: t.string({ validate: paragraphText(2_000), description: 'Purpose of the role.' }),
      permissions: t.stringList({
        validate: permissionNames,
        description:
          'Names of the permissions. Defaults to none. `users:read`, `roles:read`, `domains:read` and `audit:read` apply where the role is granted; `tokens:follow`, `tokens:introspect` and `tokens:revoke` only if it is granted globally. Other permissions have no effect in a role.',
      }),
      idempotencyKey: idempotencyKeyField(t),
    }),
  },
  {
    description: 'Creates a role.',
    access: all(session, superadmin),
    resolve: (_, { input }, context, info) =>
      runCreation(context, info, { model: 'Role', input }, async ({ tx, audit }) => {
        const { name, description, permissions } = input;
        const data = { name, description: emptyToNull(description), permissions: permissions ?? [] };
        const [role] = await tx.role.createManyAndReturn({ data, skipDuplicates: true });
        if (!role) throw graphqlError('TAKEN', { fields: { name: ['must not be in use already'] } });
        await audit({ action: 'authz_admin', reason: 'role created', target: { type: 'Role', id: role.id }, details: data });
        return { role };
      }),
  },
  { outputFields: (t) => ({ role: t.expose('role', { type: Role, description: 'The created role.' }) }) },
);
