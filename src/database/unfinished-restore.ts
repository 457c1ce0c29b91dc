import type { MigrationConnection } from './applied-migration.ts';

/**
 * Exists from the moment at which a backup is in the database until its access has been ended: while it exists, no server starts. It is no table of
 * the Prisma schema, because a backup may be older than any migration.
 */
export const restoreMarker = '_fieldgate_unfinished_restore';

/** The reason not to use this database if a restore has not been completed; undefined otherwise. */
export async function readUnfinishedRestore(query: MigrationConnection['query']): Promise<string | undefined> {
  const [state] = await query<{ isUnfinished: boolean }>('select to_regclass($1) is not null as "isUnfinished"', [
    `public.${restoreMarker}`,
  ]);
  if (!state?.isUnfinished) return undefined;
  return 'A backup was restored into this database, but the access that it contains was not ended. Restore it again with `npm run admin -- restore <file> --replace`.';
}
