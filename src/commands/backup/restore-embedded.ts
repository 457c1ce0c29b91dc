import type { Config } from '../../config.ts';
import { openEmbeddedDatabase } from '../../database/database.ts';
import { replaceEmbeddedPostgres } from '../../database/embedded-postgres.ts';
import { requireUsable } from './backup-content.ts';
import { readEmbeddedArchive, readEmbeddedContent } from './embedded-backup.ts';
import type { RestoreOptions } from './restore-options.ts';

/** Restores a backup beside the embedded database, ends its access there, and then lets it replace the database. */
export async function restoreEmbedded({ DATA_DIR }: Config, options: RestoreOptions): Promise<void> {
  const { file, mayReplace, configured, mayHaveOtherKeys, endAccess } = options;
  const archive = await readEmbeddedArchive(file);
  await replaceEmbeddedPostgres(DATA_DIR, {
    archive,
    mayReplace,
    async prepare(pglite) {
      requireUsable(await readEmbeddedContent(pglite), mayHaveOtherKeys ? undefined : configured);
      const db = await openEmbeddedDatabase({ pglite, close: () => pglite.close() });
      try {
        await endAccess(db);
      } finally {
        await db.close();
      }
    },
  });
}
