import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { waitForChain } from '../audit/wait-for-chain.ts';
import type { TestServer } from '../test-server.ts';
import type { Row, RowKind, RowRef, Subject } from './personas.ts';

/** Events of a user, caused by that user: in the domain and, for the plain user, also outside of it and caused by a superadmin. */
export async function seedAuditEvents(
  server: TestServer,
  subject: Subject,
  userId: string,
  at: { inside: string; granter: string },
): Promise<Row[]> {
  const user: RowRef = { type: 'User', kind: subject };
  const granter: RowRef = { type: 'User', kind: 'the granter' };
  const event = (kind: RowKind, domainId: string | null, actorId: string, actor: RowRef) => createEvent(kind, { domainId, actorId }, actor);
  const inside = await event(subject, at.inside, userId, user);
  if (subject !== 'user') return [inside];
  const elsewhere = await event('user, elsewhere', null, userId, user);
  return [inside, elsewhere, await event('user, by a superadmin', at.inside, at.granter, granter)];

  /** An event with a unique action. */
  async function createEvent(kind: RowKind, parts: { domainId: string | null; actorId: string }, actor: RowRef): Promise<Row> {
    const action = `matrix_${randomUUID()}`;
    const target = { targetType: 'User', targetId: userId };
    const from = { network: '192.0.2.1', agent: 'curl', requestId: 'r', reason: 'tried', details: { a: 1 } };
    const { id } = await server.db.prisma.auditEvent.create({ data: { userId, ...parts, ...target, ...from, action, result: 'ok' } });
    await waitForChain(server);
    const domain: RowRef | null = parts.domainId === null ? null : { type: 'Domain', kind: 'active domain' };
    const shows = { user, actor, domain, network: actor, agent: actor };
    const [globalId, owner] = [encodeGlobalID('AuditEvent', id), encodeGlobalID('User', userId)];
    return { type: 'AuditEvent', kind, id: globalId, name: action, owner, shows };
  }
}
