import { all, any } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import { admin, may, scope } from '../../policy/conditions.ts';

builder.queryField('userCount', (t) =>
  t.int({
    nullable: false,
    description: 'Number of accounts that are not deleted.',
    access: all(scope('statistics:read'), any(admin, may('statistics:read'))),
    resolve: (_, __, { db }) => db.prisma.user.count({ where: { deletedAt: null } }),
  }),
);
