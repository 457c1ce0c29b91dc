import { type Database, type Sql, sql } from '../../database/database.ts';
import type { TokenRevocation } from '../../database/generated/prisma/client.ts';
import { graphqlError, validationError } from '../../errors.ts';

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

/** The cursor of a position, the same for every reader (docs/revocations.md). */
export const formatCursor = ({ position, seq }: Position) => Buffer.from(`${position}.${seq}`).toString('base64url');

/** The position of a cursor. Throws INVALID_INPUT for anything else. */
export function parseCursor(cursor: string): Position {
  const decoded = Buffer.from(cursor, 'base64url').toString();
  const { position = 0, seq = 0 } = /^(?<position>\d{1,19})\.(?<seq>\d{1,19})$/.exec(decoded)?.groups ?? {};
  const result = { position: BigInt(position), seq: BigInt(seq) };
  const isCanonical = formatCursor(result) === cursor && result.position <= MAX_BIGINT && result.seq <= MAX_BIGINT;
  if (!isCanonical) throw validationError({ after: ['must be a cursor of the revocation log'] });
  return result;
}

interface EntryJson extends Omit<Revocation, 'position' | 'seq' | 'revokedAt'> {
  readonly position: string;
  readonly seq: string;
  readonly revokedAt: string;
}

/**
 * Reads up to `limit` entries after a position, in order. Commits get their positions in the order in which they become visible, so no entry appears
 * before one that was already read (docs/decisions, 18). `where` is a condition on "TokenRevocation" r.
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

/** The first position that is still complete, after the entries that were purged, and the current end of the log. */
export async function readBounds({ query }: Query): Promise<{ readonly first: Position; readonly last: Position }> {
  const [bounds] = await query<{ first: string; last: string }>(sql`
    select coalesce((select max(position) from "RevocationCommit" where trimmed), 0)::text as first,
      coalesce((select max(position) from "RevocationCommit"), 0)::text as last`);
  return { first: endOfCommit(BigInt(bounds?.first ?? 0)), last: endOfCommit(BigInt(bounds?.last ?? 0)) };
}

/**
 * The position of a cursor to continue from. Throws CURSOR_EXPIRED with the oldest valid cursor if entries after it were purged, or if the cursor is
 * after the end of the log: then the database was restored from a backup, and entries are missing.
 */
export async function resolveCursor(db: Query, cursor: string): Promise<Position> {
  const position = parseCursor(cursor);
  const { first, last } = await readBounds(db);
  if (isBefore(position, first) || isBefore(last, position)) throw graphqlError('CURSOR_EXPIRED', { oldest: formatCursor(first) });
  return position;
}
