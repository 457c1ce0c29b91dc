import { encodeGlobalID } from '@pothos/plugin-relay';
import { decide, loadVisible } from '../../authorization/evaluate/decisions.ts';
import { all, any } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { admin, domainAdmin, may, scope, self, superadmin, withoutSuperadmin } from '../../policy/conditions.ts';
import { Domain } from '../domain/domain.ts';
import { canSeeUser } from '../user/access-rules.ts';
import { User } from '../user/user.ts';

/** Who can see an event: the user it is about and, unless a superadmin took part, administrators and auditors. */
export const auditRule = all(
  scope('audit:read'),
  any(self, superadmin, all(any(domainAdmin, admin, may('audit:read')), withoutSuperadmin)),
);

export const AuditResult = builder.enumType('AuditResult', {
  description: 'Outcome of the attempt.',
  values: {
    OK: { value: 'ok', description: 'The action was performed.' },
    DENIED: { value: 'denied', description: 'The action was denied.' },
  } as const,
});

builder.prismaNode('AuditEvent', {
  id: { field: 'id', description: 'The opaque global ID.' },
  access: auditRule,
  fields: (t) => ({
    at: t.expose('at', { type: 'DateTime' }),
    action: t.exposeString('action'),
    result: t.field({
      type: AuditResult,
      description: 'Outcome of the attempt.',
      resolve: ({ result }) => result as 'ok' | 'denied',
    }),
    reason: t.exposeString('reason'),
    actor: t.field({
      type: User,
      description: 'The actor, or null if the viewer cannot see them or the request was anonymous.',
      resolve: (event, _, context) => loadVisible(context, 'User', event.actorId),
    }),
    user: t.field({
      type: User,
      description: 'The user that the event is about, or null if the viewer cannot see them.',
      resolve: (event, _, context) => loadVisible(context, 'User', event.userId),
    }),
    domain: t.field({
      type: Domain,
      description: 'The domain in which the event happened, or null if there is none or the viewer cannot see it.',
      resolve: (event, _, context) => loadVisible(context, 'Domain', event.domainId),
    }),
    targetType: t.exposeString('targetType'),
    targetId: t.id({
      description: 'Global ID of the target, which may have been deleted since.',
      resolve: ({ targetType, targetId }) => targetType && targetId && encodeGlobalID(targetType, targetId),
    }),
    network: t.string({
      sensitive: true,
      description: 'Network address of the request, or null if the viewer cannot see the actor.',
      resolve: (event, _, context) => ifActorVisible(context, event, event.network),
    }),
    agent: t.string({
      description: 'User agent of the request, or null if the viewer cannot see the actor.',
      resolve: (event, _, context) => ifActorVisible(context, event, event.agent),
    }),
    requestId: t.exposeString('requestId'),
    details: t.field({
      type: 'JSON',
      description: 'Further details as a JSON object. Contains no secrets and no values of settings or profile fields.',
      resolve: ({ details }) => details,
    }),
  }),
});

/** The value if the viewer can see the actor, regardless of the scopes of their token. */
async function ifActorVisible<T>(context: Context, { actorId }: { actorId: string | null }, value: T): Promise<T | null> {
  const isVisible = actorId === null || (await decide(context, canSeeUser, 'User', { id: actorId }));
  return isVisible ? value : null;
}
