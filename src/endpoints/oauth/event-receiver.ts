import { type Database, onTransaction, sql } from '../../database/database.ts';
import type { Context } from '../../graphql/context.ts';
import { formatCursor, parseCursor } from '../../identity/tokens/revocation-cursor.ts';
import {
  endOfCommit,
  isBefore,
  type Position,
  type Revocation,
  readBounds,
  readRevocations,
} from '../../identity/tokens/revocation-log.ts';

// Only so many events after the oldest unacknowledged one can be acknowledged: this bounds the row of a receiver.
const windowSize = 1_000;
const lossIdPrefix = 'stream-updated.';

type Services = Pick<Context, 'db' | 'keys'>;

/** The events that a receiver has not acknowledged, oldest first, or the id of the event that says that some were lost. */
export type PendingEvents = { readonly events: readonly Revocation[] } | { readonly lossId: string };

/** What is pending for the receiver, an API token. A new receiver starts at the end of the log. */
export async function pendingEvents({ db, keys }: Services, tokenId: string): Promise<PendingEvents> {
  const receiver = await db.prisma.eventReceiver.findUnique({ where: { tokenId } });
  const { first, last } = await readBounds(db);
  if (!receiver) await createReceiver(db, tokenId, last);
  const position = receiver ?? last;
  if (isBefore(position, first) || isBefore(last, position)) return { lossId: lossIdPrefix + formatCursor(keys, last) };
  const acknowledged = new Set(receiver?.acknowledged);
  return { events: (await readRevocations(db, position, windowSize)).filter(({ id }) => !acknowledged.has(id)) };
}

/** Acknowledges events; unknown ids are ignored. The receiver's position moves past what is acknowledged without a gap. */
export const advanceCursor = ({ db, keys }: Services, tokenId: string, ids: readonly string[]) =>
  db.prisma.$transaction(async (tx) => {
    const [row] = await tx.$queryRaw<ReceiverRow[]>(sql`
      select position::text, seq::text, acknowledged::text[] from "EventReceiver" where "tokenId" = ${tokenId}::uuid for update`);
    if (!row) return;
    const position = { position: BigInt(row.position), seq: BigInt(row.seq) };
    const bounds = await readBounds(onTransaction(tx));
    const isLost = isBefore(position, bounds.first) || isBefore(bounds.last, position);
    const next = isLost
      ? stateAfterLoss(keys, ids, bounds)
      : nextState(position, await readRevocations(onTransaction(tx), position, windowSize), new Set([...row.acknowledged, ...ids]));
    if (next) await tx.eventReceiver.update({ where: { tokenId }, data: next });
  });

interface ReceiverRow {
  readonly position: string;
  readonly seq: string;
  readonly acknowledged: string[];
}

/** Two polls may create the receiver at once. */
const createReceiver = (db: Database, tokenId: string, { position, seq }: Position) =>
  db.prisma.eventReceiver.createMany({ data: { tokenId, position, seq }, skipDuplicates: true });

/** The position after everything acknowledged without a gap, and the acknowledged ids after that. */
function nextState(current: Position, events: readonly Revocation[], acknowledged: ReadonlySet<string>) {
  const gap = events.findIndex(({ id }) => !acknowledged.has(id));
  if (gap === -1) {
    const { position, seq } = events.at(-1) ?? current;
    // Nothing is ever added to a commit: after all of its events, the position is its end, which stays valid when it is trimmed.
    return { ...(events.length < windowSize ? endOfCommit(position) : { position, seq }), acknowledged: [] };
  }
  const { position, seq } = events[gap - 1] ?? current;
  const afterGap = events.slice(gap).filter(({ id }) => acknowledged.has(id));
  return { position, seq, acknowledged: afterGap.map(({ id }) => id) };
}

/** A receiver that acknowledges a loss continues from the end of the log at the time of the loss event. */
function stateAfterLoss(
  keys: Services['keys'],
  ids: readonly string[],
  { first, last }: { readonly first: Position; readonly last: Position },
) {
  const lossId = ids.find((id) => id.startsWith(lossIdPrefix));
  const position = lossId === undefined ? undefined : parseCursor(keys, lossId.slice(lossIdPrefix.length));
  return position && !isBefore(position, first) && !isBefore(last, position) ? { ...position, acknowledged: [] } : undefined;
}
