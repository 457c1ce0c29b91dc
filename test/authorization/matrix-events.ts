import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import type { TestServer } from '../test-server.ts';
import type { Kind, Row, Seen, Subject } from './matrix-truth.ts';

/** What happened to a user, by themselves: in the domain and, to a plain user, also elsewhere and by a superadmin. */
export async function eventsAbout(
  { db }: TestServer,
  subject: Subject,
  userId: string,
  at: { inside: string; granter: string },
): Promise<Row[]> {
  const user: Seen = { type: 'User', kind: subject };
  const granter: Seen = { type: 'User', kind: 'the granter' };
  const event = (kind: Kind, domainId: string | null, actorId: string, actor: Seen) => record(kind, { domainId, actorId }, actor);
  const inside = await event(subject, at.inside, userId, user);
  if (subject !== 'user') return [inside];
  const elsewhere = await event('user, elsewhere', null, userId, user);
  return [inside, elsewhere, await event('user, by a superadmin', at.inside, at.granter, granter)];

  /** Its moment lies ahead, so that it stays among the newest; its action is its own. */
  async function record(kind: Kind, parts: { domainId: string | null; actorId: string }, actor: Seen): Promise<Row> {
    const action = `matrix_${randomUUID()}`;
    const target = { targetType: 'User', targetId: userId };
    const from = { network: '192.0.2.1', agent: 'curl', requestId: 'r', reason: 'tried', details: { a: 1 } };
    const moment = new Date(Date.now() + 3_600_000);
    const { id } = await db.prisma.auditEvent.create({ data: { userId, ...parts, ...target, ...from, action, result: 'ok', at: moment } });
    const domain: Seen | null = parts.domainId === null ? null : { type: 'Domain', kind: 'active domain' };
    const shows = { user, actor, domain, network: actor, agent: actor };
    const [globalId, owner] = [encodeGlobalID('AuditEvent', id), encodeGlobalID('User', userId)];
    return { type: 'AuditEvent', kind, id: globalId, name: action, owner, shows };
  }
}
