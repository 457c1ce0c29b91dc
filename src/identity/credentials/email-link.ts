import { timingSafeEqual } from 'node:crypto';
import { sql, type Tx } from '../../database/database.ts';
import type { Link, LinkPurpose } from '../../database/generated/prisma/client.ts';
import { graphqlError, validationError } from '../../errors.ts';
import { emailKey } from '../../lib/email-address.ts';
import type { KeyStore } from '../keys/configured-keys.ts';
import type { RequestScope } from '../request-scope.ts';
import { deriveLinkCode, hashToken } from '../tokens/opaque-token.ts';
import { consume } from './rate-limit.ts';

interface Caller extends Pick<RequestScope, 'db' | 'log' | 'client'> {
  readonly keys: Pick<KeyStore, 'secret'>;
}

/** What a caller shows of a link: its token or, where there is no browser, the address that it was mailed to and the code beside it. */
interface Shown {
  readonly token?: string | null | undefined;
  readonly email?: string | null | undefined;
  readonly code?: string | null | undefined;
}

/** A link as it is found by its purpose: that of an invitation goes to an address, which need not have an account. */
type Found<Purpose> = Purpose extends 'INVITATION' ? Link & { readonly invitationId: string } : UserLink;

/** A link to an account. */
export type UserLink = Link & { readonly userId: string };

const mostGuesses = 5; // of a code (seeds: five wrong ones burn it); with 10^8 codes a guesser's chance is 1 in 20 million a letter

/** The link that is shown, as far as it can still be used for one of these. Counts the try first. Throws INVALID_TOKEN, for whatever reason. */
export async function findEmailLink<Purpose extends LinkPurpose>(
  context: Caller,
  purpose: Purpose | readonly Purpose[],
  { token, email, code }: Shown,
): Promise<Found<Purpose>> {
  if ((token == null) === (email == null || code == null)) throw validationError({ token: ['either a token, or an address and a code'] });
  await consume(context, { linkByNetwork: context.client.network });
  const purposes = [purpose].flat();
  const link = token != null ? await byToken(context, purposes, token) : await byCode(context, purposes, email ?? '', code ?? '');
  if (!link) throw graphqlError('INVALID_TOKEN');
  return link as Found<Purpose>;
}

/** The links that are good for nothing once the account has another address. */
const bound: readonly LinkPurpose[] = ['CONFIRM_EMAIL', 'RESET_PASSWORD', 'FIRST_PASSWORD'];

/**
 * Claims the link in one statement, with the user that it was mailed to, who is held from here on: not twice, not late, not once the account
 * has another address, is shut or deleted. All others of its purpose go with it; but not those that undo other changes of address, which go back
 * to other owners. Throws INVALID_TOKEN.
 */
export async function consumeLink(tx: Tx, { id, userId, purpose, addressKey }: UserLink): Promise<void> {
  const address = bound.includes(purpose) ? sql`and "emailKey" = ${addressKey}` : sql``;
  // It lasts for days, so it is good for the first password only.
  const first = purpose === 'FIRST_PASSWORD' ? sql`and not exists (select 1 from "Password" p where p."userId" = ${userId}::uuid)` : sql``;
  // Whoever takes an account over may change its address and then delete it: that it can be restored is no use to its owner without the address.
  const there = purpose === 'UNDO_EMAIL_CHANGE' ? sql`"erasedAt" is null` : sql`"deletedAt" is null`;
  const open = await tx.$queryRaw<unknown[]>(
    sql`select 1 from "User" where id = ${userId}::uuid and enabled and ${there} ${address} ${first} for update`,
  );
  const used = await tx.$queryRaw<unknown[]>(sql`
    update "Link" set "usedAt" = now() where id = ${id}::uuid and "usedAt" is null and "expiresAt" > now() returning 1`);
  if (open.length === 0 || used.length === 0) throw graphqlError('INVALID_TOKEN');
  if (purpose !== 'UNDO_EMAIL_CHANGE') await invalidateLinks(tx, userId, [purpose]);
}

/** Makes links of a user good for nothing: after the password, the address or the state has changed (security.md 11.1). That which undoes a change of address stays. */
export async function invalidateLinks(
  tx: Tx,
  userId: string,
  purposes: readonly LinkPurpose[] = ['CONFIRM_EMAIL', 'RESET_PASSWORD', 'FIRST_PASSWORD', 'CHANGE_EMAIL'],
): Promise<void> {
  await tx.link.updateMany({ where: { userId, purpose: { in: [...purposes] }, usedAt: null }, data: { usedAt: new Date() } });
}

async function byToken({ db }: Caller, purposes: LinkPurpose[], token: string): Promise<Link | undefined> {
  const [link] = await db.query<Link>(sql`
    select * from "Link" where hash = ${hashToken(token)}::bytea and purpose = any(${purposes}::"LinkPurpose"[]) and "usedAt" is null and "expiresAt" > now()`);
  return link;
}

/** The newest link to the address, if the code is its: the guess is counted before it is looked at. */
async function byCode({ db, keys }: Caller, purposes: LinkPurpose[], email: string, code: string): Promise<Link | undefined> {
  const [link] = await db.query<Link>(sql`
    update "Link" set attempts = attempts + 1 where attempts < ${mostGuesses} and id = (
      select id from "Link" where "addressKey" = ${emailKey(email) ?? ''} and purpose = any(${purposes}::"LinkPurpose"[]) and "usedAt" is null
        and "expiresAt" > now() order by "createdAt" desc, id desc limit 1)
    returning *`);
  const right = Buffer.from(deriveLinkCode(keys, link?.id ?? ''));
  const given = Buffer.from(code);
  return link && given.length === right.length && timingSafeEqual(given, right) ? link : undefined;
}
