import { type Sql, sql, type Tx } from '../../database/database.ts';
import type { Prisma } from '../../database/generated/prisma/client.ts';
import type { ClientInfo } from '../../lib/client-info.ts';
import type { Viewer } from '../viewer.ts';
import type { AuditAction } from './audit-actions.ts';

/** One audit event. */
export interface AuditEntry {
  readonly action: AuditAction;
  readonly result?: 'ok' | 'denied';
  readonly reason?: string;
  /** The user the event is about. */
  readonly userId?: string | null;
  readonly domainId?: string | null;
  readonly target?: { readonly type: string; readonly id: string };
  readonly details?: Prisma.InputJsonObject;
}

/** The user who acts, and their session or API token. */
interface AuditActor {
  readonly user: Pick<Viewer['user'], 'id'>;
  readonly token: Pick<Viewer['token'], 'id'>;
}

/** Records an audit event in the transaction of its cause; if it cannot be written, the cause fails. */
export async function recordAuditEvent(
  tx: Pick<Tx, '$executeRaw'>,
  client: ClientInfo,
  actor: AuditActor | null,
  entry: AuditEntry,
): Promise<void> {
  const { action, result, reason, userId = null, domainId = null, target, details } = entry;
  await tx.$executeRaw(
    insertAuditEvents(client, {
      action,
      ...(result && { result }),
      ...(reason && { reason }),
      userId: sql`${userId}::uuid`,
      domainId: sql`${domainId}::uuid`,
      ...(target && { targetType: target.type, targetId: sql`${target.id}::uuid` }),
      ...actorColumns(actor),
      ...(details && { details: sql`${JSON.stringify(details)}::jsonb` }),
    }),
  );
}

/** The values of one audit event: constants, and expressions over the rows of `from`. */
interface AuditColumns {
  readonly action: AuditAction;
  readonly result?: 'ok' | 'denied';
  readonly reason?: string;
  readonly userId?: Sql;
  readonly domainId?: Sql;
  readonly targetType?: string;
  readonly targetId?: Sql;
  readonly actorId?: Sql;
  readonly actorTokenId?: Sql;
  readonly details?: Sql;
  /** The rows to record one event each for; a single event if omitted. */
  readonly from?: Sql;
}

/** The statement that inserts audit events, alone or as a CTE of the statement that causes them. */
export const insertAuditEvents = (client: ClientInfo, columns: AuditColumns): Sql => sql`
  insert into "AuditEvent" (action, result, reason, "userId", "domainId", "targetType", "targetId", "actorId", "actorTokenId", network, agent, "requestId", details)
  select ${columns.action}, ${columns.result ?? 'ok'}, ${columns.reason ?? null}, ${columns.userId ?? none}, ${columns.domainId ?? none},
    ${columns.targetType ?? null}, ${columns.targetId ?? none}, ${columns.actorId ?? none}, ${columns.actorTokenId ?? none},
    ${client.network}, ${client.agent}, ${client.requestId}, ${columns.details ?? sql`null::jsonb`} ${columns.from ? sql`from ${columns.from}` : sql``}`;

const none = sql`null::uuid`;

/** The viewer as the actor of audit events. */
export const actorColumns = (actor: AuditActor | null): Pick<AuditColumns, 'actorId' | 'actorTokenId'> => ({
  actorId: sql`${actor?.user.id ?? null}::uuid`,
  actorTokenId: sql`${actor?.token.id ?? null}::uuid`,
});
