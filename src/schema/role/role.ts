import { listed } from '../../authorization/evaluate/filters.ts';
import { all, any } from '../../authorization/rules/rule.ts';
import { seen } from '../../authorization/evaluate/decisions.ts';
import { admin, domainAdmin, holds, may, scope } from '../../policy/conditions.ts';
import { builder } from '../../graphql/builder.ts';
import { failure } from '../../errors.ts';
import { line } from '../../lib/validators.ts';

export const Role = builder.prismaNode('Role', {
  id: { field: 'id', description: 'The opaque global id.' },
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
    description: 'A role by name.',
    access: scope('roles:read'),
    args: { name: t.arg.string({ required: true, validate: line(63), description: 'The name of the role.' }) },
    resolve: async (query, _, { name }, context) => {
      const role = await seen(context, 'Role', await context.db.prisma.role.findUnique({ ...query, where: { name } }));
      if (!role) throw failure('NOT_FOUND');
      return role;
    },
  }),
);

builder.queryField('roles', (t) =>
  t.prismaConnection(
    {
      type: Role,
      cursor: 'id',
      description: 'The roles that the viewer may know of.',
      access: scope('roles:read'),
      totalCount: (_, __, context) => context.db.prisma.role.count({ where: listed(context, 'Role', undefined) }),
      resolve: (query, _, __, context) =>
        context.db.prisma.role.findMany({ ...query, where: listed(context, 'Role', undefined), orderBy: { id: 'asc' } }),
    },
    { name: 'RoleConnection', description: 'A page of roles.' },
    { name: 'RoleEdge', description: 'A role in a list.' },
  ),
);
