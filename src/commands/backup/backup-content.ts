import { compareMigrations } from '../../database/migrate.ts';
import type { ConfiguredKeys } from '../../identity/keys/configured-keys.ts';

type Setting = keyof ConfiguredKeys['fingerprints'];

/** Data of a backup that determines whether this version can use it with its keys. */
export interface BackupContent {
  readonly migrations: readonly string[];
  /** The fingerprints of the keys in use, in hexadecimal. */
  readonly fingerprints: Readonly<Partial<Record<Setting, string>>>;
  /** True if a key of the database signs, and JWT_KEYS is no longer used. */
  readonly hasRotated: boolean;
}

/** Throws an error that says why the backup cannot be restored. Without `configured`, any keys will do. */
export function requireUsable({ migrations, fingerprints, hasRotated }: BackupContent, configured: ConfiguredKeys | undefined): void {
  if (migrations.length === 0) throw new Error('The backup does not contain a database of Fieldgate.');
  const [unknown] = compareMigrations(migrations).unknown;
  if (unknown) {
    throw new Error(`The backup has the migration ${unknown}, which this version does not know. Restore it with the version that made it.`);
  }
  if (!configured) return;
  for (const setting of ['ENCRYPTION_KEYS', 'JWT_KEYS'] as const) {
    const fingerprint = fingerprints[setting];
    const isConfigured = configured.fingerprints[setting].some((one) => one.toString('hex') === fingerprint);
    if (fingerprint === undefined || isConfigured || (setting === 'JWT_KEYS' && hasRotated)) continue;
    throw new Error(
      `Setting ${setting}: does not contain the key with which the backup was made. Add it at the end of the list or, if it is lost, restore with --accept-keys.`,
    );
  }
}

/** One line about the content of a backup. */
export function describeContent({ migrations }: BackupContent): string {
  const { pending } = compareMigrations(migrations);
  const age = pending.length > 0 ? `, ${pending.length} fewer than this version; restoring it applies them` : '';
  return `It has ${migrations.length} migrations${age}.`;
}
