import { readConfig } from '../src/config.ts';
import { type Database, databaseTime, openDatabase } from '../src/database/database.ts';
import { commandLimits } from '../src/database/session.ts';
import { whereActive } from '../src/identity/grants/active-grants.ts';
import { loadConfiguredKeys } from '../src/identity/keys/configured-keys.ts';
import { claimKeys } from '../src/identity/keys/keys-in-use.ts';
import { endRestoredAccess } from '../src/identity/restored-database.ts';
import { createLogger } from '../src/lib/logger.ts';

/** Ends what a restored backup has brought back, and prints what only the operator can know. */
export async function restored(keepApiTokens: boolean) {
  const config = readConfig();
  const configured = await loadConfiguredKeys(config);
  const db = await openDatabase(config, createLogger('silent'), commandLimits);
  try {
    await claimKeys(db, configured);
    const { sessions, apiTokens, links, invitations, emails, lastEventAt, kid } = await endRestoredAccess(db, configured, keepApiTokens);
    console.log(`Revoked ${sessions} sessions and ${apiTokens} API tokens.`);
    console.log(`Voided ${links} email links, ${invitations} invitations and ${emails} waiting emails.`);
    console.log(`Removed all signing keys; ${kid} signs now.`);
    console.log(await checklist(db, lastEventAt, keepApiTokens));
  } finally {
    await db.close();
  }
}

/** What a backup cannot contain: the changes after it. */
async function checklist(db: Database, lastEventAt: Date | null, keepApiTokens: boolean): Promise<string> {
  const superadmins = await db.prisma.user.findMany({
    where: {
      enabled: true,
      deletedAt: null,
      grants: { some: { role: { name: 'SUPERADMIN' }, domainId: null, ...whereActive(await databaseTime(db)) } },
    },
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
