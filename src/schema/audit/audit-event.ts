import { encodeGlobalID } from '@pothos/plugin-relay';
import { decide, loadVisible } from '../../authorization/evaluate/decisions.ts';
import { all, any } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { admin, domainAdmin, may, scope, self, superadmin, withoutSuperadmin } from '../../policy/conditions.ts';
import { Domain } from '../domain/domain.ts';
import { canSeeUser } from '../user/access-rules.ts';
import { User } from '../user/user.ts';

/** Who may know of an event: whom it is about, and administrators and auditors of what no superadmin took part in. */
export const auditRule = all(
  scope('audit:read'),
  any(self, superadmin, all(any(domainAdmin, admin, may('audit:read')), withoutSuperadmin)),
);

export const AuditResult = builder.enumType('AuditResult', {
  description: 'How what somebody tried came out.',
  values: {
    OK: { value: 'ok', description: 'It was done.' },
    DENIED: { value: 'denied', description: 'It was refused.' },
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
      description: 'How it came out.',
      resolve: ({ result }) => result as 'ok' | 'denied',
    }),
    reason: t.exposeString('reason'),
    actor: t.field({
      type: User,
      description: 'Who did it, if that was somebody of whom the viewer may know; null also for what nobody did who was signed in.',
      resolve: (event, _, context) => loadVisible(context, 'User', event.actorId),
    }),
    user: t.field({
      type: User,
      description: 'Whom it is about, as far as the viewer may know of that user.',
      resolve: (event, _, context) => loadVisible(context, 'User', event.userId),
    }),
    domain: t.field({
      type: Domain,
      description: 'The domain that it happened in or to, as far as the viewer may know of it.',
      resolve: (event, _, context) => loadVisible(context, 'Domain', event.domainId),
    }),
    targetType: t.exposeString('targetType'),
    targetId: t.id({
      description: 'The global id of the object that it was done to, which may be gone.',
      resolve: ({ targetType, targetId }) => targetType && targetId && encodeGlobalID(targetType, targetId),
    }),
    network: t.string({
      sensitive: true,
      description: 'The network address that it came from; null where an actor did it of whom the viewer may not know.',
      resolve: (event, _, context) => ofActor(context, event, event.network),
    }),
    agent: t.string({
      description: 'The user agent that it came by; null where an actor did it of whom the viewer may not know.',
      resolve: (event, _, context) => ofActor(context, event, event.agent),
    }),
    requestId: t.exposeString('requestId'),
    details: t.field({
      type: 'JSON',
      description: 'What else there is to know, as names and values; never a secret, nor a value that somebody keeps.',
      resolve: ({ details }) => details,
    }),
  }),
});

/** Where an actor came from, for those to whom the actor is known, whatever they came with. */
async function ofActor<T>(context: Context, { actorId }: { actorId: string | null }, value: T): Promise<T | null> {
  const isKnown = actorId === null || (await decide(context, canSeeUser, 'User', { id: actorId }));
  return isKnown ? value : null;
}
