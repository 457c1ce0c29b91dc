import { emailKey } from '../auth/email.ts';
import type { Config } from '../config.ts';
import { type Database, sql } from '../db.ts';
import type { Mail, User } from '../generated/prisma/client.ts';
import type { Keys } from '../token/keys.ts';
import { ms } from '../token/lifecycle.ts';
import { hashOf, linkCodeOf, linkTokenOf } from '../token/secret.ts';
import type { LinkFacts, LinkKind } from './letter.ts';

interface Maker {
  readonly db: Pick<Database, 'query'>;
  readonly keys: Pick<Keys, 'secret'>;
  readonly config: Pick<Config, 'PUBLIC_URL'>;
}

/**
 * Makes the link of a mail as the mail is sent, so that it lasts from then on, and is bound to the address that it goes to. Made again for
 * another attempt it is the same one; a used one stays used.
 */
export async function makeLink({ db, keys, config }: Maker, kind: LinkKind, { id, address }: Mail, user: User): Promise<LinkFacts> {
  const token = linkTokenOf(keys, id);
  const to = address ?? user.email;
  const key = address === null ? user.emailKey : (emailKey(address) ?? '');
  const [made] = await db.query<{ until: Date }>(sql`
    insert into "Link" (id, purpose, "userId", address, "addressKey", hash, "expiresAt")
    values (${id}::uuid, ${kind.purpose}::"LinkPurpose", ${user.id}::uuid, ${to}, ${key}, ${hashOf(token)}::bytea, now() + ${ms(kind.lasts)})
    on conflict (id) do update set "expiresAt" = excluded."expiresAt", hash = excluded.hash where "Link"."usedAt" is null
    returning "expiresAt" as until`);
  const until = inWords(kind.lasts, made?.until ?? new Date());
  return { url: `${config.PUBLIC_URL}${kind.page}?token=${token}`, code: linkCodeOf(keys, id), until };
}

/** For how long and until when, as people say it. */
function inWords(lasts: number, until: Date): string {
  const minutes = Math.round(lasts / 60_000);
  const length = minutes < 120 ? `${minutes} minutes` : minutes < 72 * 60 ? `${minutes / 60} hours` : `${minutes / 1_440} days`;
  const end = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' }).format(until);
  return `for ${length}, until ${end} UTC`;
}
