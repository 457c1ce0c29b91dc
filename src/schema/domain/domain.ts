import { ifVisible, loadVisible } from '../../authorization/evaluate/decisions.ts';
import { filterWhere, whereVisibleAnd } from '../../authorization/evaluate/filters.ts';
import { all, any } from '../../authorization/rules/rule.ts';
import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { escapeLike, singleLineText } from '../../lib/validators.ts';
import { active, admin, anyone, domainAdmin, may, scope, signedIn } from '../../policy/conditions.ts';

/** Who may know of a domain: of an active one everybody, by its name. */
const domainRule = any(active, all(scope('domains:read'), any(domainAdmin, admin, may('domains:read'))));
const known = all(signedIn, scope('domains:read'));

export const Domain = builder.prismaNode('Domain', {
  id: { field: 'id', description: 'The opaque global id.' },
  access: domainRule,
  fields: (t) => ({
    name: t.exposeString('name'),
    displayName: t.exposeString('displayName', { access: known }),
    active: t.exposeBoolean('active', { access: known }),
    createdAt: t.expose('createdAt', { type: 'DateTime', access: known }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', access: known }),
    children: t.relatedConnection(
      'children',
      {
        cursor: 'id',
        access: known,
        description: 'The domains directly below, as far as the viewer may know of them.',
        query: (_, context) => ({ where: whereVisibleAnd(context, 'Domain', undefined), orderBy: { id: 'asc' as const } }),
        totalCount: true,
      },
      { description: 'A page of the domains below.' },
      { description: 'A domain below.' },
    ),
  }),
});

builder.prismaObjectFields('Domain', (t) => ({
  parent: t.field({
    type: Domain,
    access: known,
    description: 'The domain above, if there is one that the viewer may know of.',
    resolve: (domain, _, context) => loadVisible(context, 'Domain', domain.parentId) as never,
  }),
}));

builder.queryField('domain', (t) =>
  t.prismaField({
    type: Domain,
    description: 'A domain by name.',
    access: anyone('the names of active domains are public'),
    args: { name: t.arg.string({ required: true, validate: singleLineText(63), description: 'The name of the domain.' }) },
    resolve: async (query, _, { name }, context) => {
      const domain = await ifVisible(context, 'Domain', await context.db.prisma.domain.findUnique({ ...query, where: { name } }));
      if (!domain) throw graphqlError('NOT_FOUND');
      return domain;
    },
  }),
);

const DomainFilter = builder.inputType('DomainFilter', {
  description: 'Which domains are meant; all parts that are given apply together.',
  fields: (t) => ({
    search: t.string({ access: known, validate: singleLineText(120), description: 'Text in the name or the display name, in any case.' }),
    active: t.boolean({ access: known, description: 'Whether the domain is active.' }),
    parent: t.string({ access: known, validate: singleLineText(63), description: 'The domains directly below the one of this name.' }),
  }),
});

builder.queryField('domains', (t) =>
  t.prismaConnection(
    {
      type: Domain,
      cursor: 'id',
      description: 'The domains that the viewer may know of.',
      access: anyone('the names of active domains are public'),
      args: { filter: t.arg({ type: DomainFilter, description: 'Which domains are meant.' }) },
      totalCount: (_, { filter }, context) => context.db.prisma.domain.count({ where: where(context, filter) }),
      resolve: (query, _, { filter }, context) =>
        context.db.prisma.domain.findMany({ ...query, where: where(context, filter), orderBy: { id: 'asc' } }),
    },
    { name: 'DomainConnection', description: 'A page of domains.' },
    { name: 'DomainEdge', description: 'A domain in a list.' },
  ),
);

const where = (context: Context, filter: typeof DomainFilter.$inferInput | null | undefined) =>
  whereVisibleAnd(
    context,
    'Domain',
    filterWhere(context, 'Domain', 'DomainFilter', filter, {
      search: (text) => ({
        OR: ['name', 'displayName'].map((name) => ({ [name]: { contains: escapeLike(text), mode: 'insensitive' as const } })),
      }),
      active: (isActive) => ({ active: isActive }),
      parent: (name) => ({ parent: { AND: [{ name }, whereVisibleAnd(context, 'Domain', undefined)] } }),
    }),
  );
