import { type Database, databaseTime } from './database.ts';

/** Milliseconds by which the clock of a node that is ready may differ from that of the database (security.md 23.10). */
export const maxClockOffset = 5_000;

/** By how many milliseconds the clock of this node is ahead of that of the database; negative if it is behind. At least 0 within what the answer took. */
export async function measureClockOffset(db: Pick<Database, 'query'>): Promise<number> {
  const before = Date.now();
  const started = performance.now();
  const time = (await databaseTime(db)).getTime();
  const after = before + (performance.now() - started);
  // The database has read its clock between the two: only what lies outside of them is an offset.
  if (time < before) return before - time;
  return time > after ? after - time : 0;
}
