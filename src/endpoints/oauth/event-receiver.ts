import { type Database, onTransaction, sql } from '../../database/database.ts';
import {
  endOfCommit,
  formatCursor,
  isBefore,
  type Position,
  parseCursor,
  type Revocation,
  readBounds,
  readRevocations,
} from '../../identity/tokens/revocation-log.ts';

// So many may be unacknowledged behind the oldest one that is: what a receiver's row remembers is bounded.
const window = 1_000;
const lostPrefix = 'stream-updated.';

/** What waits for a receiver: the events that it has not acknowledged, oldest first, or that some are lost. */
export type PendingEvents = { readonly events: readonly Revocation[] } | { readonly lost: string };

/** What waits for the receiver, an API token; one that asks for the first time hears what comes from now on. */
export async function pendingEvents(db: Database, tokenId: string): Promise<PendingEvents> {
  const row = await db.prisma.eventReceiver.findUnique({ where: { tokenId } });
  const { first, last } = await readBounds(db);
  if (!row) await begin(db, tokenId, last);
  const place = row ?? last;
  if (isBefore(place, first) || isBefore(last, place)) return { lost: lostPrefix + formatCursor(last) };
  const acknowledged = new Set(row?.acknowledged);
  return { events: (await readRevocations(db, place, window)).filter(({ id }) => !acknowledged.has(id)) };
}

/** Takes the ids of events as acknowledged; those of others have no effect. What is acknowledged without a gap is forgotten. */
export const advanceCursor = (db: Pick<Database, 'prisma'>, tokenId: string, ids: readonly string[]) =>
  db.prisma.$transaction(async (tx) => {
    const [row] = await tx.$queryRaw<Row[]>(sql`
      select position::text, seq::text, acknowledged::text[] from "EventReceiver" where "tokenId" = ${tokenId}::uuid for update`);
    if (!row) return;
    const place = { position: BigInt(row.position), seq: BigInt(row.seq) };
    const ends = await readBounds(onTransaction(tx));
    const said = new Set([...row.acknowledged, ...ids]);
    const next =
      isBefore(place, ends.first) || isBefore(ends.last, place)
        ? afterLoss(ids, ends)
        : settled(place, await readRevocations(onTransaction(tx), place, window), said);
    if (next) await tx.eventReceiver.update({ where: { tokenId }, data: next });
  });

interface Row {
  readonly position: string;
  readonly seq: string;
  readonly acknowledged: string[];
}

/** Two polls may be the first at once. */
const begin = (db: Database, tokenId: string, { position, seq }: Position) =>
  db.prisma.eventReceiver.createMany({ data: { tokenId, position, seq }, skipDuplicates: true });

/** The place behind all that is settled in a row, and what is settled beyond. */
function settled(place: Position, records: readonly Revocation[], said: ReadonlySet<string>) {
  const open = records.findIndex(({ id }) => !said.has(id));
  const behindAll = open === -1;
  const { position, seq } = (behindAll ? records.at(-1) : records[open - 1]) ?? place;
  const rest = behindAll ? [] : records.slice(open).filter(({ id }) => said.has(id));
  // Nothing is ever added to a commit: who has all of the last one stands behind it, also when it is trimmed.
  const to = behindAll && records.length < window ? endOfCommit(position) : { position, seq };
  return { ...to, acknowledged: rest.map(({ id }) => id) };
}

/** Whoever acknowledges that events are lost goes on from where the log ended when that was said. */
function afterLoss(ids: readonly string[], { first, last }: { readonly first: Position; readonly last: Position }) {
  const said = ids.find((id) => id.startsWith(lostPrefix));
  const place = said === undefined ? undefined : parseCursor(said.slice(lostPrefix.length));
  return place && !isBefore(place, first) && !isBefore(last, place) ? { ...place, acknowledged: [] } : undefined;
}
