import type { Config } from '../../config.ts';
import { type Database, interval, sql } from '../../database/database.ts';
import type { Mail } from '../../database/generated/prisma/client.ts';
import { emailKey } from '../../lib/email-address.ts';
import { type Addressee, formatDate, type LinkFacts, type LinkKind } from '../../mail/templates/template.ts';
import type { KeyStore } from '../keys/configured-keys.ts';
import { deriveLinkCode, deriveLinkToken, hashToken } from '../tokens/opaque-token.ts';

interface Maker {
  readonly db: Pick<Database, 'query'>;
  readonly keys: Pick<KeyStore, 'secret'>;
  readonly config: Pick<Config, 'PUBLIC_URL'>;
}

/**
 * Makes the link of a mail as the mail is sent, so that it lasts from then on, and is bound to the address that it goes to. Made again for
 * another attempt it is the same one; a used one stays used.
 */
export async function createEmailLink({ db, keys, config }: Maker, kind: LinkKind, mail: Mail, addressee: Addressee): Promise<LinkFacts> {
  const { id, address, invitationId } = mail;
  const token = deriveLinkToken(keys, id);
  const to = address ?? addressee.email;
  const key = address === null ? addressee.emailKey : (emailKey(address) ?? '');
  const userId = invitationId ? null : addressee.id;
  const end = 'expiresAt' in addressee ? sql`${addressee.expiresAt}::timestamptz` : sql`now() + ${interval(kind.lasts ?? 0)}`;
  const [made] = await db.query<{ until: Date }>(sql`
    insert into "Link" (id, purpose, "userId", "invitationId", address, "addressKey", hash, "expiresAt")
    values (${id}::uuid, ${kind.purpose}::"LinkPurpose", ${userId}::uuid, ${invitationId}::uuid, ${to}, ${key}, ${hashToken(token)}::bytea, ${end})
    on conflict (id) do update set "expiresAt" = excluded."expiresAt", hash = excluded.hash where "Link"."usedAt" is null
    returning "expiresAt" as until`);
  const ends = made?.until ?? new Date();
  const until = lasting(kind.lasts ?? ends.getTime() - Date.now(), ends);
  return { url: `${config.PUBLIC_URL}${kind.page}?${kind.by ?? 'token'}=${token}`, code: deriveLinkCode(keys, id), until };
}

/** For how long and until when, as people say it. */
function lasting(lasts: number, until: Date): string {
  const minutes = Math.round(lasts / 60_000);
  const length =
    minutes < 120 ? `${minutes} minutes` : minutes < 72 * 60 ? `${Math.round(minutes / 60)} hours` : `${Math.round(minutes / 1_440)} days`;
  return `for ${length}, until ${formatDate(until)}`;
}
