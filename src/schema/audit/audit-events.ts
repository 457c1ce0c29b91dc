import { toPrismaWhere } from '../../authorization/evaluate/conditions.ts';
import { whereVisible } from '../../authorization/evaluate/decisions.ts';
import { filterWhere } from '../../authorization/evaluate/filters.ts';
import { ruleOf } from '../../authorization/rules/registry.ts';
import type { Prisma } from '../../database/generated/prisma/client.ts';
import { builder } from '../../graphql/builder.ts';
import { visibleConnection } from '../../graphql/connections.ts';
import type { Context } from '../../graphql/context.ts';
import { chainCommittedEvents } from '../../identity/audit/audit-chain.ts';
import { isUuid, singleLineText } from '../../lib/validators.ts';
import { scope } from '../../policy/conditions.ts';
import { toWhere } from '../../policy/policy.ts';
import { User } from '../user/user.ts';
import { AuditResult, auditRule } from './audit-event.ts';

const AuditEventFilter = builder.inputType('AuditEventFilter', {
  description: 'Filters audit events. Conditions are combined with AND.',
  fields: (t) => ({
    user: t.globalID({ for: User, access: auditRule, description: 'Events about this user.' }),
    actor: t.globalID({ for: User, access: auditRule, description: 'Events caused by this user, if the viewer can see them.' }),
    domain: t.string({ access: auditRule, validate: singleLineText(63), description: 'Events in the domain with this name.' }),
    action: t.string({ access: auditRule, validate: singleLineText(63), description: 'Events with exactly this action.' }),
    result: t.field({ type: AuditResult, access: auditRule, description: 'Events with this outcome.' }),
    from: t.field({ type: 'DateTime', access: auditRule, description: 'Events at this time or later.' }),
    to: t.field({ type: 'DateTime', access: auditRule, description: 'Events at this time or earlier.' }),
    targetType: t.string({ access: auditRule, validate: singleLineText(31), description: 'Events whose target has this type.' }),
    targetId: t.globalID({ access: auditRule, description: 'Events whose target is this object.' }),
  }),
});

visibleConnection('auditEvents', {
  model: 'AuditEvent',
  nullable: false,
  description:
    'The audit events that the viewer can see, newest first, in the order in which their transactions were committed. New events appear at the start of the list only.',
  access: scope('audit:read'),
  prepare: ({ db }) => chainCommittedEvents(db),
  filter: AuditEventFilter,
  where: (context, filter) => {
    const wanted = filterWhere(context, 'AuditEvent', 'AuditEventFilter', filter, {
      user: (user) => whereParticipantVisible(context, 'user', user),
      actor: (actor) => whereParticipantVisible(context, 'actor', actor),
      domain: (name) => ({ domain: { AND: [{ name }, whereVisible(context, 'Domain')] } }),
      action: (action) => ({ action }),
      result: (result) => ({ result }),
      from: (from) => ({ at: { gte: from } }),
      to: (to) => ({ at: { lte: to } }),
      targetType: (targetType) => ({ targetType }),
      targetId: ({ typename, id }) => (isUuid(id) ? { targetType: typename, targetId: id } : toPrismaWhere(false)),
    });
    return { AND: [{ chainedAt: { not: null } }, ...(wanted ? [wanted] : [])] };
  },
  // The time of the event does not do: a transaction that commits late would put events behind a cursor (docs/decisions/0047).
  order: () => ({ column: 'chainedAt', direction: 'desc', withoutNulls: true }),
});

/** Events in which a user took part, if the viewer can see the user. Events of a deleted row are for viewers who can see all users. */
function whereParticipantVisible(context: Context, part: 'user' | 'actor', { id }: { readonly id: string }): Prisma.AuditEventWhereInput {
  const visible = toWhere(ruleOf(context, 'User'), context.viewer, 'User');
  if (visible === false || !isUuid(id)) return toPrismaWhere(false);
  return visible === true ? { [`${part}Id`]: id } : { [part]: { AND: [{ id }, visible] } };
}
