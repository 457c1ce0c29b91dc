import { type Database, databaseTime } from '../database/database.ts';
import { commandLimits } from '../database/session.ts';
import { whereSuperadmin } from '../identity/accounts/superadmins.ts';
import type { ConfiguredKeys } from '../identity/keys/configured-keys.ts';
import { claimKeys, replaceKeysInUse } from '../identity/keys/keys-in-use.ts';
import { endRestoredAccess } from '../identity/restored-database.ts';
import { type CommandContext, type DatabaseCommand, exitCodes } from './command.ts';

/** Ends the access in a restored database, and prints the manual steps that follow. */
export const restored: DatabaseCommand = {
  description: [
    'after a backup was restored: revokes all sessions, links, invitations,',
    'signing keys and, unless they are kept, API tokens',
  ],
  flags: ['keep-api-tokens'],
  limits: commandLimits,
  async run({ db, loadKeys, print }, { flags }) {
    const options = { keepApiTokens: flags.includes('keep-api-tokens'), mayHaveOtherKeys: false };
    await endAccess({ db, configured: await loadKeys(), print }, options);
    return exitCodes.done;
  },
};

interface EndAccessContext extends Pick<CommandContext, 'db' | 'print'> {
  readonly configured: ConfiguredKeys;
}

interface EndAccessOptions {
  readonly keepApiTokens: boolean;
  /** True if the keys that were in use are lost, so that the configured ones replace them. */
  readonly mayHaveOtherKeys: boolean;
}

/** Ends the access in a restored database, and prints what was ended and the manual steps that follow. */
export async function endAccess({ db, configured, print }: EndAccessContext, options: EndAccessOptions): Promise<void> {
  const { keepApiTokens, mayHaveOtherKeys } = options;
  await (mayHaveOtherKeys ? replaceKeysInUse : claimKeys)(db, configured);
  const { sessions, apiTokens, links, invitations, emails, lastEventAt, kid } = await endRestoredAccess(db, configured, keepApiTokens);
  print(`Revoked ${sessions} sessions and ${apiTokens} API tokens.`);
  print(`Voided ${links} email links, ${invitations} invitations and ${emails} waiting emails.`);
  print(`Removed all signing keys; ${kid} signs now.`);
  print(await checklist(db, lastEventAt, keepApiTokens));
}

/** The manual steps after a restore: a backup does not contain the changes after it. */
async function checklist(db: Database, lastEventAt: Date | null, keepApiTokens: boolean): Promise<string> {
  const superadmins = await db.prisma.user.findMany({
    where: whereSuperadmin(await databaseTime(db)),
    select: { email: true },
    orderBy: { emailKey: 'asc' },
  });
  const since = lastEventAt
    ? `after ${lastEventAt.toISOString()}, the time of the last audit event`
    : 'since the backup; it has no audit event';
  return [
    '',
    `The database contains nothing that happened ${since}. Repeat what was done since then:`,
    '- accounts: disable, delete or erase them again',
    '- passwords and email addresses: the previous ones work again; use `users send-password-reset` where a password may be known to others',
    '- roles, grants and domains: revoke, delete or disable them again',
    ...(keepApiTokens ? ['- API tokens: revoke them again'] : []),
    `Superadmins now: ${superadmins.map(({ email }) => email).join(', ') || 'none'}`,
  ].join('\n');
}
