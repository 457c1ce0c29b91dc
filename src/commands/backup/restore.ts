import { resolve } from 'node:path';
import { type Config, readConfig } from '../../config.ts';
import { type Database, databaseTargets } from '../../database/database.ts';
import { type ConfiguredKeys, loadConfiguredKeys, loadExistingKeys } from '../../identity/keys/configured-keys.ts';
import { type Command, exitCodes } from '../command.ts';
import { endAccess } from '../restored.ts';
import { backupFormat } from './backup-file.ts';
import { restoreEmbedded } from './restore-embedded.ts';
import { restorePostgres } from './restore-postgres.ts';

/** Restores a backup and ends the access that it contains. */
export const restore: Command = {
  description: ['restores a backup and ends the access that it contains, as `restored` does;', 'servers must be stopped'],
  positionals: ['file'],
  flags: ['replace', 'keep-api-tokens', 'accept-keys'],
  async runLocally({ positionals: [name = ''], flags }, { out: print }) {
    const config = readConfig();
    const file = resolve(name);
    const mayHaveOtherKeys = flags.includes('accept-keys');
    const configured = await requireKeys(config, mayHaveOtherKeys);
    const format = await backupFormat(file);
    const targets = databaseTargets(config);
    if (format === 'postgres' && !targets) throw new Error('The backup is of PostgreSQL. Set DATABASE_URL to restore it.');
    if (format === 'embedded' && targets) throw new Error('The backup is of an embedded database. Unset DATABASE_URL to restore it.');
    const end = (db: Database) =>
      endAccess({ db, configured, print }, { keepApiTokens: flags.includes('keep-api-tokens'), mayHaveOtherKeys });
    const options = { file, mayReplace: flags.includes('replace'), configured, mayHaveOtherKeys, endAccess: end };
    if (targets) await restorePostgres(config, targets, options);
    else await restoreEmbedded(config, options);
    return exitCodes.done;
  },
};

/** The keys of the settings or of the data folder. A restore generates keys only if those of the backup are lost. */
async function requireKeys(config: Config, mayHaveOtherKeys: boolean): Promise<ConfiguredKeys> {
  const configured = await (mayHaveOtherKeys ? loadConfiguredKeys(config, true) : loadExistingKeys(config));
  if (configured) return configured;
  throw new Error(
    `Copy the keys.json of the server that made the backup to ${config.DATA_DIR}, or set JWT_KEYS and ENCRYPTION_KEYS. If they are lost, restore with --accept-keys.`,
  );
}
