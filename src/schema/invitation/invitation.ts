import { loadVisible, whereVisible } from '../../authorization/evaluate/decisions.ts';
import { filterWhere } from '../../authorization/evaluate/filters.ts';
import { all, any } from '../../authorization/rules/rule.ts';
import type { Prisma } from '../../database/generated/prisma/client.ts';
import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { visibleConnection } from '../../graphql/connections.ts';
import type { Context } from '../../graphql/context.ts';
import { singleLineText } from '../../lib/validators.ts';
import { admin, domainAdmin, scope } from '../../policy/conditions.ts';
import { Domain } from '../domain/domain.ts';
import { Role } from '../role/role.ts';
import { User } from '../user/user.ts';

/** The administrators of the domain that the invitation leads to, who include its sender. */
const invitationRule = all(scope('users:read'), any(domainAdmin, admin));

export const Invitation = builder.prismaNode('Invitation', {
  id: { field: 'id', description: 'The opaque global ID.' },
  access: invitationRule,
  fields: (t) => ({
    email: t.exposeString('email'),
    role: t.field({
      type: Role,
      description: 'The role that accepting grants.',
      resolve: (invitation, _, context) => loadVisible(context, 'Role', invitation.roleId),
    }),
    domain: t.field({
      type: Domain,
      description: 'The domain in which the role is granted, or null if it is granted globally.',
      resolve: (invitation, _, context) => domainOf(context, invitation.domainId),
    }),
    invitedBy: t.field({
      type: User,
      description: 'The sender, or null if the viewer may not see them.',
      resolve: (invitation, _, context) => loadVisible(context, 'User', invitation.invitedById),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
    acceptedAt: t.expose('acceptedAt', { type: 'DateTime' }),
    revokedAt: t.expose('revokedAt', { type: 'DateTime' }),
  }),
});

/** Null means "globally", so a domain that the viewer may not see is an error. */
async function domainOf(context: Context, id: string | null) {
  const domain = await loadVisible(context, 'Domain', id);
  if (id !== null && domain === null) throw graphqlError('NOT_FOUND');
  return domain;
}

const InvitationFilter = builder.inputType('InvitationFilter', {
  description: 'Filters invitations. Conditions are combined with AND.',
  fields: (t) => ({
    domain: t.string({ access: invitationRule, validate: singleLineText(63), description: 'The name of the domain.' }),
    pending: t.boolean({
      access: invitationRule,
      description: 'Includes only invitations that can (`true`) or cannot (`false`) be accepted. Defaults to all.',
    }),
  }),
});

visibleConnection('invitations', {
  model: 'Invitation',
  description: 'The invitations that the viewer can see.',
  access: scope('users:read'),
  filter: InvitationFilter,
  where: (context, filter) =>
    filterWhere(context, 'Invitation', 'InvitationFilter', filter, {
      domain: (name) => ({ domain: { AND: [{ name }, whereVisible(context, 'Domain')] } }),
      pending: (isPending) => (isPending ? pending(context) : { NOT: pending(context) }),
    }),
});

/** Nothing is pending for an anonymous caller, who sees no invitations. */
const pending = ({ viewer }: Context): Prisma.InvitationWhereInput => ({
  acceptedAt: null,
  revokedAt: null,
  ...(viewer ? { expiresAt: { gt: viewer.now } } : { id: { in: [] } }),
});
