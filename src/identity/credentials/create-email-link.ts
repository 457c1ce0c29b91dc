import type { Config } from '../../config.ts';
import { type Database, interval, sql } from '../../database/database.ts';
import type { OutboxEmail } from '../../database/generated/prisma/client.ts';
import { emailKey } from '../../lib/email-address.ts';
import { formatDate, type LinkContent, type LinkOptions, type Recipient } from '../../mail/templates/template.ts';
import type { KeyStore } from '../keys/configured-keys.ts';
import { deriveLinkCode, deriveLinkToken, hashToken } from '../tokens/opaque-token.ts';

interface Services {
  readonly db: Pick<Database, 'query'>;
  readonly keys: Pick<KeyStore, 'secret'>;
  readonly config: Pick<Config, 'PUBLIC_URL'>;
}

/**
 * Creates the link of an email as the email is sent, so that its lifetime starts then, and binds it to the address of the email. Another attempt to
 * send the email creates the same link; a used one stays used.
 */
export async function createEmailLink(
  { db, keys, config }: Services,
  { purpose, lifetime, path, tokenParam = 'token' }: LinkOptions,
  { id, address, invitationId }: OutboxEmail,
  recipient: Recipient,
): Promise<LinkContent> {
  const token = deriveLinkToken(keys, id);
  const email = address ?? recipient.email;
  const key = address === null ? recipient.emailKey : (emailKey(address) ?? '');
  const userId = invitationId ? null : recipient.id;
  const expiry = 'expiresAt' in recipient ? sql`${recipient.expiresAt}::timestamptz` : sql`now() + ${interval(lifetime ?? 0)}`;
  const [link] = await db.query<{ expiresAt: Date }>(sql`
    insert into "EmailLink" (id, purpose, "userId", "invitationId", email, "emailKey", hash, "expiresAt")
    values (${id}::uuid, ${purpose}::"EmailLinkPurpose", ${userId}::uuid, ${invitationId}::uuid, ${email}, ${key}, ${hashToken(token)}::bytea, ${expiry})
    on conflict (id) do update set "expiresAt" = excluded."expiresAt", hash = excluded.hash where "EmailLink"."usedAt" is null
    returning "expiresAt"`);
  const expiresAt = link?.expiresAt ?? new Date();
  return {
    url: `${config.PUBLIC_URL}${path}?${tokenParam}=${token}`,
    code: deriveLinkCode(keys, id),
    validity: `for ${formatDuration(lifetime ?? expiresAt.getTime() - Date.now())} (until ${formatDate(expiresAt)})`,
  };
}

function formatDuration(milliseconds: number): string {
  const minutes = Math.round(milliseconds / 60_000);
  if (minutes === 60) return '1 hour';
  if (minutes < 120) return `${minutes} ${minutes === 1 ? 'minute' : 'minutes'}`;
  const hours = Math.round(minutes / 60);
  return hours < 72 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}
