import { type Database, databaseTime } from './database.ts';

/** Milliseconds by which the clock of a node that is ready may differ from that of the database (security.md 23.10). */
export const maxClockOffset = 5_000;

/** By how many milliseconds the clock of this node is ahead of that of the database; negative if it is behind. At least 0 within what the answer took. */
export async function measureClockOffset(db: Pick<Database, 'query'>): Promise<number> {
  const { offset } = await readWithClockOffset(async () => ({ now: await databaseTime(db) }));
  return offset;
}

/** The measured offset, as `measureClockOffset` defines it, with the rows that were read. */
export interface ClockReading<Row> {
  readonly row: Row;
  readonly offset: number;
}

/** Reads something that has the time of the database. */
export async function readWithClockOffset<Row extends { readonly now: Date }>(read: () => Promise<Row>): Promise<ClockReading<Row>> {
  const before = Date.now();
  const started = performance.now();
  const row = await read();
  const time = row.now.getTime();
  const after = before + (performance.now() - started);
  // The database has read its clock between the two: only what lies outside of them is an offset.
  if (time < before) return { row, offset: before - time };
  return { row, offset: time > after ? after - time : 0 };
}
