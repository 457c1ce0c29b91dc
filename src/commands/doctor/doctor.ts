import { type Config, readSettings, type SettingFault } from '../../config.ts';
import { type Database, databaseTargets } from '../../database/database.ts';
import { type Command, exitCodes } from '../command.ts';
import { checkContent } from './check-content.ts';
import { checkEmbedded } from './check-embedded.ts';
import { checkConfiguredKeys, checkKeysInUse, publishedKids } from './check-keys.ts';
import { checkMail } from './check-mail.ts';
import { checkPostgres } from './check-postgres.ts';
import { checkPublicUrl } from './check-public-url.ts';
import { checkRedis } from './check-redis.ts';
import { checkDataFolder, checkRuntime } from './check-runtime.ts';
import { checkSettings } from './check-settings.ts';
import type { Finding } from './finding.ts';
import { formatFindings, formatJson } from './format-findings.ts';
import type { ServerReport } from './server-report.ts';

/** Checks everything that a server needs, and changes nothing. Continues after a failed check. */
export const doctor: Command = {
  description: ['checks settings, database, clock, keys, mail and what is stored; exits with', '1 if there is a problem'],
  options: ['send'],
  flags: ['json'],
  async runLocally({ options, flags }, { out }) {
    const findings = await diagnose(options.send);
    out(flags.includes('json') ? formatJson(findings) : formatFindings(findings));
    return findings.some(({ status }) => status === 'problem') ? exitCodes.failed : exitCodes.done;
  },
  // The server that has the embedded database open checks its content for the command.
  async run({ config, db, loadKeys, print }) {
    const keys = await loadKeys();
    const findings = await checkContent(db, config, () => checkKeysInUse(db, keys));
    print(JSON.stringify({ findings, kids: await publishedKids(db, keys) } satisfies ServerReport));
    return exitCodes.done;
  },
};

async function diagnose(testRecipient: string | undefined): Promise<Finding[]> {
  const { config, faults } = readSettings();
  const isValid = (...names: string[]) => !faults.some(({ setting }) => names.includes(setting));
  const skipped = (check: string, setting: string): Finding[] => [
    { check, status: 'warning', message: `not checked, because ${setting} is invalid` },
  ];
  const findings = [...(await checkRuntime()), ...(await checkSettings(config, faults)), ...(await checkDataFolder(config))];
  const { kids, ...stored } = await checkStored(config, faults);
  findings.push(...stored.findings);
  findings.push(...(isValid('SMTP_URL', 'MAIL_FROM') ? await checkMail(config, testRecipient) : skipped('mail', 'SMTP_URL or MAIL_FROM')));
  findings.push(...(isValid('REDIS_URL') ? await checkRedis(config) : skipped('Redis', 'REDIS_URL')));
  findings.push(...(isValid('PUBLIC_URL') ? await checkPublicUrl(config, kids) : skipped('PUBLIC_URL', 'it')));
  return findings;
}

/** Checks the keys and the database, and what concerns both. */
async function checkStored(
  config: Config,
  faults: readonly SettingFault[],
): Promise<{ readonly findings: readonly Finding[]; readonly kids: readonly string[] | undefined }> {
  const invalid = (...names: string[]) => faults.find(({ setting }) => names.includes(setting))?.setting;
  const keys = invalid('JWT_KEYS', 'ENCRYPTION_KEYS') ? { findings: [], configured: undefined } : await checkConfiguredKeys(config);
  const fault = invalid('DATABASE_URL', 'DATABASE_DIRECT_URL', 'DATABASE_POOLER', 'DATABASE_POOL', 'DATA_DIR');
  if (fault) {
    const finding = { check: 'database', status: 'warning', message: `not checked, because ${fault} is invalid` } as const;
    return { findings: [...keys.findings, finding], kids: undefined };
  }
  let kids: readonly string[] | undefined;
  const check = async (db: Pick<Database, 'query'>) =>
    checkContent(db, config, async () => {
      if (!keys.configured) return [];
      kids = await publishedKids(db, keys.configured);
      return checkKeysInUse(db, keys.configured);
    });
  const targets = databaseTargets(config);
  if (targets) return { findings: [...keys.findings, ...(await checkPostgres(config, targets, check))], kids };
  const embedded = await checkEmbedded(config, check);
  return { findings: [...keys.findings, ...embedded.findings], kids: embedded.kids ?? kids };
}
