import type { Database } from '../../database/database.ts';
import type { ConfiguredKeys } from '../../identity/keys/configured-keys.ts';

/** Options of a restore. */
export interface RestoreOptions {
  readonly file: string;
  /** True if what is in the database may be deleted. */
  readonly mayReplace: boolean;
  readonly configured: ConfiguredKeys;
  /** True if the backup may have been made with keys that are not configured. */
  readonly mayHaveOtherKeys: boolean;
  /** Ends the access that is in the backup. No server may start before. */
  endAccess(db: Database): Promise<void>;
}
