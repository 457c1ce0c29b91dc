import { type Database, type Sql, sql } from '../../database/database.ts';
import type { TokenRevocation } from '../../database/generated/prisma/client.ts';

/** A position in the revocation log: after all earlier commits, and after the entries of this one up to `seq`. */
export interface Position {
  readonly position: bigint;
  readonly seq: bigint;
}

/** An entry of the log, and its position. */
export type Revocation = Omit<TokenRevocation, 'commitId'> & Position;

type Query = Pick<Database, 'query'>;

const MAX_BIGINT = 2n ** 63n - 1n; // of PostgreSQL

/** The position after all entries of the commit. */
export const endOfCommit = (position: bigint): Position => ({ position, seq: MAX_BIGINT });

export const isBefore = (one: Position, other: Position) =>
  one.position < other.position || (one.position === other.position && one.seq < other.seq);

interface EntryJson extends Omit<Revocation, 'position' | 'seq' | 'revokedAt'> {
  readonly position: string;
  readonly seq: string;
  readonly revokedAt: string;
}

/**
 * Reads up to `limit` entries after a position, in order. Commits get their positions in the order in which they become visible, so no entry appears
 * before one that was already read (docs/decisions/0018). `where` is a condition on "TokenRevocation" r.
 */
export async function readRevocations({ query }: Query, after: Position, limit: number, where: Sql = sql`true`): Promise<Revocation[]> {
  const rows = await query<{ entry: EntryJson }>(sql`
    select row_to_json(r)::jsonb || jsonb_build_object('position', c.position::text, 'seq', r.seq::text) as entry
    from "RevocationCommit" c join "TokenRevocation" r on r."commitId" = c.id
    where c.position >= ${after.position}::bigint and (c.position > ${after.position}::bigint or r.seq > ${after.seq}::bigint) and ${where}
    order by c.position, r.seq limit ${limit}::int`);
  return rows.map(({ entry }) => ({
    ...entry,
    position: BigInt(entry.position),
    seq: BigInt(entry.seq),
    revokedAt: new Date(entry.revokedAt),
  }));
}

interface Bounds {
  /** The first position that is still complete, after the entries that were purged. */
  readonly first: Position;
  /** The current end of the log. */
  readonly last: Position;
  /** The time of the database. */
  readonly now: Date;
}

export async function readBounds({ query }: Query): Promise<Bounds> {
  const [bounds] = (await query<{ first: string; last: string; now: Date }>(sql`
    select coalesce((select max(position) from "RevocationCommit" where trimmed), 0)::text as first,
      coalesce((select max(position) from "RevocationCommit"), 0)::text as last, clock_timestamp() as now`)) as [
    { first: string; last: string; now: Date },
  ];
  return { first: endOfCommit(BigInt(bounds.first)), last: endOfCommit(BigInt(bounds.last)), now: bounds.now };
}
