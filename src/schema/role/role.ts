import { ifVisible } from '../../authorization/evaluate/decisions.ts';
import { all, any } from '../../authorization/rules/rule.ts';
import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { visibleConnection } from '../../graphql/connections.ts';
import { singleLineText } from '../../lib/validators.ts';
import { admin, domainAdmin, holds, may, scope } from '../../policy/conditions.ts';

export const Role = builder.prismaNode('Role', {
  id: { field: 'id', description: 'The opaque global ID.' },
  access: all(scope('roles:read'), any(holds, domainAdmin, admin, may('roles:read'))),
  fields: (t) => ({
    name: t.exposeString('name'),
    description: t.exposeString('description', { access: any(holds, admin, may('roles:read')) }),
    permissions: t.exposeStringList('permissions', { access: any(holds, admin, may('roles:read')) }),
    builtIn: t.exposeBoolean('builtIn'),
    createdAt: t.expose('createdAt', { type: 'DateTime', access: admin }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', access: admin }),
  }),
});

builder.queryField('role', (t) =>
  t.prismaField({
    type: Role,
    description: 'Returns a role by name.',
    access: scope('roles:read'),
    args: { name: t.arg.string({ required: true, validate: singleLineText(63), description: 'Name of the role.' }) },
    resolve: async (query, _, { name }, context) => {
      const role = await ifVisible(context, 'Role', await context.db.prisma.role.findUnique({ ...query, where: { name } }));
      if (!role) throw graphqlError('NOT_FOUND');
      return role;
    },
  }),
);

visibleConnection('roles', { model: 'Role', description: 'The roles that the viewer can see.', access: scope('roles:read') });
