import { idOf, type PaginationArgs } from '../../authorization/enforce/pagination.ts';
import { toPrismaWhere } from '../../authorization/evaluate/conditions.ts';
import { whereVisible } from '../../authorization/evaluate/decisions.ts';
import { filterWhere } from '../../authorization/evaluate/filters.ts';
import { ruleOf } from '../../authorization/rules/registry.ts';
import type { Database } from '../../database/database.ts';
import type { Prisma } from '../../database/generated/prisma/client.ts';
import { builder } from '../../graphql/builder.ts';
import { visibleConnection } from '../../graphql/connections.ts';
import type { Context } from '../../graphql/context.ts';
import { isUuid, singleLineText } from '../../lib/validators.ts';
import { scope } from '../../policy/conditions.ts';
import { toWhere } from '../../policy/policy.ts';
import { User } from '../user/user.ts';
import { AuditResult, auditRule } from './audit-event.ts';

const AuditEventFilter = builder.inputType('AuditEventFilter', {
  description: 'Which events are meant; all parts that are given apply together.',
  fields: (t) => ({
    user: t.globalID({ for: User, access: auditRule, description: 'Those about this user.' }),
    actor: t.globalID({ for: User, access: auditRule, description: 'What this user did, if the viewer may know of that user.' }),
    domain: t.string({ access: auditRule, validate: singleLineText(63), description: 'Those in the domain of this name.' }),
    action: t.string({ access: auditRule, validate: singleLineText(63), description: 'Those with exactly this action.' }),
    result: t.field({ type: AuditResult, access: auditRule, description: 'Those that came out so.' }),
    from: t.field({ type: 'DateTime', access: auditRule, description: 'Those at this moment or later.' }),
    to: t.field({ type: 'DateTime', access: auditRule, description: 'Those at this moment or earlier.' }),
    targetType: t.string({ access: auditRule, validate: singleLineText(31), description: 'What was done to objects of this type.' }),
    targetId: t.globalID({ access: auditRule, description: 'What was done to the object with this global id.' }),
  }),
});

visibleConnection('auditEvents', {
  model: 'AuditEvent',
  nullable: false,
  description: 'The audit events that the viewer can see, newest first.',
  access: scope('audit:read'),
  filter: AuditEventFilter,
  where: (context, filter) =>
    filterWhere(context, 'AuditEvent', 'AuditEventFilter', filter, {
      user: (user) => whereParticipantVisible(context, 'user', user),
      actor: (actor) => whereParticipantVisible(context, 'actor', actor),
      domain: (name) => ({ domain: { AND: [{ name }, whereVisible(context, 'Domain')] } }),
      action: (action) => ({ action }),
      result: (result) => ({ result }),
      from: (from) => ({ at: { gte: from } }),
      to: (to) => ({ at: { lte: to } }),
      targetType: (targetType) => ({ targetType }),
      targetId: ({ typename, id }) => (isUuid(id) ? { targetType: typename, targetId: id } : toPrismaWhere(false)),
    }),
  order: () => [{ at: 'desc' }, { id: 'desc' }],
  load: async ({ db }, query, args) =>
    db.prisma.auditEvent.findMany({ ...query, where: { AND: [query.where ?? {}, await whereBetweenCursors(db, args)] } }),
});

/** Events with a part taken by this user, if the viewer may know of that user; of one who is gone, whoever may know of everybody. */
function whereParticipantVisible(context: Context, part: 'user' | 'actor', { id }: { readonly id: string }): Prisma.AuditEventWhereInput {
  const known = toWhere(ruleOf(context, 'User'), context.viewer, 'User');
  if (known === false || !isUuid(id)) return toPrismaWhere(false);
  return known === true ? { [`${part}Id`]: id } : { [part]: { AND: [{ id }, known] } };
}

/**
 * The moments between the cursors. Prisma's condition on a place in an order of two columns is a choice that no index answers; with this one beside
 * it, a page deep in the list costs no more than the first.
 */
async function whereBetweenCursors({ prisma }: Database, { after, before }: PaginationArgs): Promise<Prisma.AuditEventWhereInput> {
  const [from, to] = [before, after].map((cursor) => (cursor == null ? undefined : idOf(cursor)));
  if (!from && !to) return {};
  const ids = [from, to].filter((id) => id !== undefined);
  const found = await prisma.auditEvent.findMany({ where: { id: { in: ids } }, select: { id: true, at: true } });
  const at = new Map(found.map((event) => [event.id, event.at]));
  return { at: { gte: at.get(from ?? ''), lte: at.get(to ?? '') } };
}
