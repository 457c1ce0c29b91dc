import type { Config } from '../../config.ts';
import { type Database, databaseTime, interval, onTransaction, sql, type Tx } from '../../database/database.ts';
import type { OutboxEmail } from '../../database/generated/prisma/client.ts';
import { emailKey } from '../../lib/email-address.ts';
import { formatDate, type LinkContent, type LinkOptions, type Recipient } from '../../mail/templates/template.ts';
import type { KeyStore } from '../keys/configured-keys.ts';
import { deriveLinkCode, deriveLinkToken, hashToken } from '../tokens/opaque-token.ts';

interface Services {
  readonly db: Pick<Database, 'prisma'>;
  readonly keys: Pick<KeyStore, 'secret'>;
  readonly config: Pick<Config, 'PUBLIC_URL'>;
}

/** An email with a link, as its template and the outbox describe it. */
interface LinkEmail<To extends Recipient> {
  readonly options: LinkOptions;
  readonly email: OutboxEmail;
  /** The recipient when the email was claimed. */
  readonly recipient: To;
  /** False if the email is obsolete for the recipient as of now. */
  readonly isWanted: (recipient: To, now: Date) => boolean;
}

/**
 * Creates the link of an email as the email is sent, so that its lifetime starts then, and binds it to the address of the email. Another attempt to
 * send the email creates the same link. Returns undefined if what would invalidate the link has happened since the email was queued: checked in
 * the transaction that creates it, with the recipient locked.
 */
export function createEmailLink<To extends Recipient>(services: Services, linkEmail: LinkEmail<To>): Promise<LinkContent | undefined> {
  return services.db.prisma.$transaction(async (tx) => {
    const recipient = await lockRecipient(tx, linkEmail);
    return recipient && insertLink(tx, services, linkEmail, recipient);
  });
}

/** Locks and reads the recipient. Undefined if the email is no longer to be sent to them. */
async function lockRecipient<To extends Recipient>(tx: Tx, { email, recipient, isWanted }: LinkEmail<To>): Promise<To | undefined> {
  // Before the email is read: `endRestoredAccess` locks the table and then voids what waits.
  await tx.$executeRaw(sql`lock table "EmailLink" in row exclusive mode`);
  const table = email.invitationId ? sql`"Invitation"` : sql`"User"`;
  await tx.$queryRaw(sql`select 1 from ${table} where id = ${recipient.id}::uuid for share`);
  const where = { where: { id: recipient.id } };
  const current = (await (email.invitationId ? tx.invitation.findUnique(where) : tx.user.findUnique(where))) as To | null;
  const isPending = (await tx.outboxEmail.count({ where: { id: email.id, completedAt: null } })) > 0;
  const isSameAddress = email.address !== null || current?.emailKey === recipient.emailKey;
  const now = await databaseTime(onTransaction(tx));
  return current && isPending && isSameAddress && isWanted(current, now) ? current : undefined;
}

/** Undefined if the link was used, by an earlier attempt to send the email. */
async function insertLink(
  tx: Tx,
  { keys, config }: Services,
  {
    options: { purpose, lifetime, path, tokenParam = 'token' },
    email: { id, address, invitationId },
  }: Pick<LinkEmail<never>, 'options' | 'email'>,
  recipient: Recipient,
): Promise<LinkContent | undefined> {
  const token = deriveLinkToken(keys, id);
  const email = address ?? recipient.email;
  const key = address === null ? recipient.emailKey : (emailKey(address) ?? '');
  const userId = invitationId ? null : recipient.id;
  const expiry = 'expiresAt' in recipient ? sql`${recipient.expiresAt}::timestamptz` : sql`now() + ${interval(lifetime ?? 0)}`;
  const [link] = await tx.$queryRaw<{ expiresAt: Date; now: Date }[]>(sql`
    insert into "EmailLink" (id, purpose, "userId", "invitationId", email, "emailKey", hash, "expiresAt")
    values (${id}::uuid, ${purpose}::"EmailLinkPurpose", ${userId}::uuid, ${invitationId}::uuid, ${email}, ${key}, ${hashToken(token)}::bytea, ${expiry})
    on conflict (id) do update set "expiresAt" = excluded."expiresAt", hash = excluded.hash where "EmailLink"."usedAt" is null
    returning "expiresAt", now() as now`);
  if (!link) return undefined;
  const { expiresAt, now } = link;
  return {
    url: `${config.PUBLIC_URL}${path}?${tokenParam}=${token}`,
    code: deriveLinkCode(keys, id),
    page: `${config.PUBLIC_URL}${path}?code`,
    validity: `for ${formatDuration(lifetime ?? expiresAt.getTime() - now.getTime())} (until ${formatDate(expiresAt)})`,
  };
}

function formatDuration(milliseconds: number): string {
  const minutes = Math.round(milliseconds / 60_000);
  if (minutes === 60) return '1 hour';
  if (minutes < 120) return `${minutes} ${minutes === 1 ? 'minute' : 'minutes'}`;
  const hours = Math.round(minutes / 60);
  return hours < 72 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}
