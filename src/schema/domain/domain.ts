import { ifVisible, loadVisible, whereVisible } from '../../authorization/evaluate/decisions.ts';
import { filterWhere } from '../../authorization/evaluate/filters.ts';
import { all, any } from '../../authorization/rules/rule.ts';
import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { visibleConnection, visibleRelation } from '../../graphql/connections.ts';
import { escapeLike, singleLineText } from '../../lib/validators.ts';
import { active, admin, anyone, domainAdmin, may, reached, scope, signedIn } from '../../policy/conditions.ts';

/** Who can see a domain. The names of active domains are public, because users enter them before they log in. */
const domainRule = any(active, all(scope('domains:read'), any(domainAdmin, admin, may('domains:read'))));
/** Who can see more of it than the name: not an API token of another domain. */
const detailsRule = all(signedIn, scope('domains:read'), reached);

export const Domain = builder.prismaNode('Domain', {
  id: { field: 'id', description: 'The opaque global ID.' },
  access: domainRule,
  fields: (t) => ({
    name: t.exposeString('name'),
    displayName: t.exposeString('displayName', { access: detailsRule }),
    active: t.exposeBoolean('open', {
      access: detailsRule,
      description: 'False if the domain or one above it is disabled: its sessions and API tokens are revoked, and none can be created.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', access: detailsRule }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', access: detailsRule }),
  }),
});

builder.prismaObjectFields('Domain', (t) => ({
  parent: t.field({
    type: Domain,
    access: detailsRule,
    description: 'The parent domain, or null if there is none or the viewer cannot see it.',
    resolve: (domain, _, context) => loadVisible(context, 'Domain', domain.parentId),
  }),
}));

visibleRelation('Domain', 'children', {
  model: 'Domain',
  by: 'parentId',
  prefix: 'DomainChild',
  access: detailsRule,
  description: 'The child domains that the viewer can see.',
});

builder.queryField('domain', (t) =>
  t.prismaField({
    type: Domain,
    description: 'Returns a domain by name.',
    access: anyone('the names of active domains are public'),
    args: { name: t.arg.string({ required: true, validate: singleLineText(63), description: 'Name of the domain.' }) },
    resolve: async (query, _, { name }, context) => {
      const domain = await ifVisible(context, 'Domain', await context.db.prisma.domain.findUnique({ ...query, where: { name } }));
      if (!domain) throw graphqlError('NOT_FOUND');
      return domain;
    },
  }),
);

const DomainFilter = builder.inputType('DomainFilter', {
  description: 'Filters domains. Conditions are combined with AND.',
  fields: (t) => ({
    search: t.string({
      access: detailsRule,
      validate: singleLineText(120),
      description: 'Text in the name or display name, case-insensitive.',
    }),
    active: t.boolean({ access: detailsRule, description: 'Include only active (`true`) or only disabled (`false`) domains.' }),
    parent: t.string({ access: detailsRule, validate: singleLineText(63), description: 'Name of the parent domain.' }),
  }),
});

visibleConnection('domains', {
  model: 'Domain',
  description: 'The domains that the viewer can see.',
  access: anyone('the names of active domains are public'),
  filter: DomainFilter,
  where: (context, filter) =>
    filterWhere(context, 'Domain', 'DomainFilter', filter, {
      search: (text) => ({
        OR: ['name', 'displayName'].map((column) => ({ [column]: { contains: escapeLike(text), mode: 'insensitive' as const } })),
      }),
      active: (isActive) => ({ open: isActive }),
      parent: (name) => ({ parent: { AND: [{ name }, whereVisible(context, 'Domain')] } }),
    }),
});
