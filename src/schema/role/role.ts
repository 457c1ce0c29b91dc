import { ifVisible } from '../../authorization/evaluate/decisions.ts';
import { whereVisibleAnd } from '../../authorization/evaluate/filters.ts';
import { all, any } from '../../authorization/rules/rule.ts';
import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { singleLineText } from '../../lib/validators.ts';
import { admin, domainAdmin, holds, may, scope } from '../../policy/conditions.ts';

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
    args: { name: t.arg.string({ required: true, validate: singleLineText(63), description: 'The name of the role.' }) },
    resolve: async (query, _, { name }, context) => {
      const role = await ifVisible(context, 'Role', await context.db.prisma.role.findUnique({ ...query, where: { name } }));
      if (!role) throw graphqlError('NOT_FOUND');
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
      totalCount: (_, __, context) => context.db.prisma.role.count({ where: whereVisibleAnd(context, 'Role', undefined) }),
      resolve: (query, _, __, context) =>
        context.db.prisma.role.findMany({ ...query, where: whereVisibleAnd(context, 'Role', undefined), orderBy: { id: 'asc' } }),
    },
    { name: 'RoleConnection', description: 'A page of roles.' },
    { name: 'RoleEdge', description: 'A role in a list.' },
  ),
);
