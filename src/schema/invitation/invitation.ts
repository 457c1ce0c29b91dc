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

/** Who may know of an invitation: whoever administers where it leads to, which whoever sent it does. */
const invitationRule = all(scope('users:read'), any(domainAdmin, admin));

export const Invitation = builder.prismaNode('Invitation', {
  id: { field: 'id', description: 'The opaque global id.' },
  access: invitationRule,
  fields: (t) => ({
    email: t.exposeString('email'),
    role: t.field({
      type: Role,
      description: 'The role that it promises.',
      resolve: (invitation, _, context) => loadVisible(context, 'Role', invitation.roleId) as never,
    }),
    domain: t.field({
      type: Domain,
      description: 'The domain in which the role is held; null where it is held everywhere.',
      resolve: (invitation, _, context) => domainOf(context, invitation.domainId) as never,
    }),
    invitedBy: t.field({
      type: User,
      description: 'Who sent it, if the viewer may know of that user.',
      resolve: (invitation, _, context) => loadVisible(context, 'User', invitation.invitedById) as never,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
    acceptedAt: t.expose('acceptedAt', { type: 'DateTime' }),
    revokedAt: t.expose('revokedAt', { type: 'DateTime' }),
  }),
});

/** Null says "everywhere", so a domain that the viewer may not know of is an error and not null. */
async function domainOf(context: Context, id: string | null) {
  const domain = await loadVisible(context, 'Domain', id);
  if (id !== null && domain === null) throw graphqlError('NOT_FOUND');
  return domain;
}

const InvitationFilter = builder.inputType('InvitationFilter', {
  description: 'Which invitations are meant; all parts that are given apply together.',
  fields: (t) => ({
    domain: t.string({ access: invitationRule, validate: singleLineText(63), description: 'Those to the domain of this name.' }),
    pending: t.boolean({ access: invitationRule, description: 'Whether it can still be accepted.' }),
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

const pending = ({ viewer }: Context): Prisma.InvitationWhereInput => ({
  acceptedAt: null,
  revokedAt: null,
  expiresAt: { gt: viewer?.now ?? new Date() },
});
