import { type Database, type Sql, sql } from '../../database/database.ts';
import type { TokenRevocation } from '../../database/generated/prisma/client.ts';
import { graphqlError, validationError } from '../../errors.ts';

/** A place in the log of revocations: all of the commits before, and of this one the records up to `seq`. */
export interface Position {
  readonly position: bigint;
  readonly seq: bigint;
}

/** A record of the log, with its place. */
export type Revocation = Omit<TokenRevocation, 'commitId'> & Position;

type Query = Pick<Database, 'query'>;

const whole = 2n ** 63n - 1n; // the largest number of PostgreSQL's bigint: behind every record of a commit

/** The place behind all records of the commit. */
export const endOfCommit = (position: bigint): Position => ({ position, seq: whole });

export const isBefore = (one: Position, other: Position) =>
  one.position < other.position || (one.position === other.position && one.seq < other.seq);

/** The name of a place, the same for every reader (docs/revocations.md). */
export const formatCursor = ({ position, seq }: Position) => Buffer.from(`${position}.${seq}`).toString('base64url');

/** The place that a cursor names. Throws INVALID_INPUT for what is no cursor. */
export function parseCursor(cursor: string): Position {
  const [, position, seq] = /^(\d{1,19})\.(\d{1,19})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  const place = { position: BigInt(position ?? 0), seq: BigInt(seq ?? 0) };
  if (formatCursor(place) !== cursor || place.position > whole || place.seq > whole)
    throw validationError({ after: ['no cursor of this log'] });
  return place;
}

interface Line extends Omit<Revocation, 'position' | 'seq' | 'revokedAt'> {
  readonly position: string;
  readonly seq: string;
  readonly revokedAt: string;
}

/**
 * The records after a place, at most `most`, in order. A place is given to a commit as it becomes visible, so none is ever put in before one that
 * was read (docs/decisions/0018). `which` is a condition on "TokenRevocation" r.
 */
export async function readRevocations({ query }: Query, after: Position, most: number, which: Sql = sql`true`): Promise<Revocation[]> {
  const lines = await query<{ line: Line }>(sql`
    select row_to_json(r)::jsonb || jsonb_build_object('position', c.position::text, 'seq', r.seq::text) as line
    from "RevocationCommit" c join "TokenRevocation" r on r."commitId" = c.id
    where c.position >= ${after.position}::bigint and (c.position > ${after.position}::bigint or r.seq > ${after.seq}::bigint) and ${which}
    order by c.position, r.seq limit ${most}::int`);
  return lines.map(({ line }) => ({
    ...line,
    position: BigInt(line.position),
    seq: BigInt(line.seq),
    revokedAt: new Date(line.revokedAt),
  }));
}

/** Where the log begins, behind what was trimmed, and where it ends now. */
export async function readBounds({ query }: Query): Promise<{ readonly first: Position; readonly last: Position }> {
  const [ends] = await query<{ first: string; last: string }>(sql`
    select coalesce((select max(position) from "RevocationCommit" where trimmed), 0)::text as first,
      coalesce((select max(position) from "RevocationCommit"), 0)::text as last`);
  return { first: endOfCommit(BigInt(ends?.first ?? 0)), last: endOfCommit(BigInt(ends?.last ?? 0)) };
}

/**
 * The place of a cursor from which one can go on. Throws CURSOR_EXPIRED, with the oldest cursor that there is, where what came after it is
 * no longer kept, and where the log does not reach so far: it was restored from a backup, and nobody knows what is missing.
 */
export async function resolveCursor(db: Query, cursor: string): Promise<Position> {
  const place = parseCursor(cursor);
  const { first, last } = await readBounds(db);
  if (isBefore(place, first) || isBefore(last, place)) throw graphqlError('CURSOR_EXPIRED', { oldest: formatCursor(first) });
  return place;
}
