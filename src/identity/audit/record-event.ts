import type { Tx } from '../../database/database.ts';
import type { Prisma } from '../../database/generated/prisma/client.ts';
import type { ClientInfo } from '../../lib/client-info.ts';
import type { Viewer } from '../viewer.ts';

/** One thing that happened, as the audit keeps it. Names of actions follow the OWASP logging vocabulary where it has one. */
export interface AuditEntry {
  readonly action: string;
  readonly result?: 'ok' | 'denied';
  readonly reason?: string;
  /** Whom it is about. */
  readonly userId?: string | null;
  readonly domainId?: string | null;
  readonly target?: readonly [type: string, id: string];
  readonly details?: Prisma.InputJsonObject;
}

/** Writes an audit row in the transaction of what it records; if it cannot be written, the action fails. */
export async function recordAuditEvent(tx: Tx, client: ClientInfo, actor: Viewer | null, entry: AuditEntry): Promise<void> {
  const { target, result = 'ok', ...rest } = entry;
  await tx.auditEvent.create({
    data: {
      ...rest,
      result,
      targetType: target?.[0],
      targetId: target?.[1],
      actorId: actor?.user.id,
      actorTokenId: actor?.token.id,
      network: client.network,
      agent: client.agent,
      requestId: client.requestId,
    },
    select: { id: true },
  });
}
