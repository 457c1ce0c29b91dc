import type { MigrationConnection } from './applied-migration.ts';

/**
 * Exists from the moment at which a backup is in the database until its access has been ended: while it exists, no server starts. It is no table of
 * the Prisma schema, because a backup may be older than any migration.
 */
export const restoreMarker = '_fieldgate_unfinished_restore';

/** The advisory lock that a restore holds from the moment at which it looks for other connections until the marker is committed. */
export const restoreLock = 72_707_370;

/**
 * A statement that fails while a restore is in progress or unfinished. Each session and pooled transaction begins with it, because a server that was
 * cut off is in no list of connections and reconnects later. Plain SQL cannot raise an error of its choice, and `do` takes ten times as long: so it
 * asks for a database that does not exist, whose error 3D000 makes a request UNAVAILABLE and is logged.
 */
export const requireFinishedRestore = `
  select case when to_regclass('public.${restoreMarker}') is null and pg_try_advisory_lock_shared(${restoreLock})
    then pg_advisory_unlock_shared(${restoreLock}) else has_database_privilege('while a restore is unfinished', 'connect') end`;

/** The reason not to use this database if a restore has not been completed; undefined otherwise. */
export async function readUnfinishedRestore(query: MigrationConnection['query']): Promise<string | undefined> {
  const [state] = await query<{ isUnfinished: boolean }>('select to_regclass($1) is not null as "isUnfinished"', [
    `public.${restoreMarker}`,
  ]);
  if (!state?.isUnfinished) return undefined;
  return 'A backup was restored into this database, but the access that it contains was not ended. Restore it again with `npm run admin -- restore <file> --replace`.';
}
