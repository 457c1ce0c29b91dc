import { timingSafeEqual } from 'node:crypto';
import { type Sql, sql, type Tx } from '../../database/database.ts';
import type { EmailLink, EmailLinkPurpose } from '../../database/generated/prisma/client.ts';
import { graphqlError, validationError } from '../../errors.ts';
import { emailKey } from '../../lib/email-address.ts';
import { emailTemplates } from '../../mail/templates/registry.ts';
import type { KeyStore } from '../keys/configured-keys.ts';
import type { RequestScope } from '../request-scope.ts';
import { deriveLinkCode, hashToken } from '../tokens/opaque-token.ts';
import { refund } from './count-attempt.ts';
import { isKnownNetwork } from './known-network.ts';
import { consume, consumeGuess, whileCounted } from './rate-limit.ts';
import { codeKeys } from './rate-limit-keys.ts';

interface Caller extends Pick<RequestScope, 'db' | 'reports' | 'client'> {
  readonly keys: Pick<KeyStore, 'secret'>;
}

/** What a caller presents: the token of a link or, without a browser, the address that the email was sent to and the code in it. */
interface LinkProof {
  readonly token?: string | null | undefined;
  readonly email?: string | null | undefined;
  readonly code?: string | null | undefined;
}

/** A link for an account. */
export type UserLink = EmailLink & { readonly userId: string };

/** The link of an invitation; its address may have no account. */
export type InvitationLink = EmailLink & { readonly invitationId: string };

type LinkFor<Purpose> = Purpose extends 'INVITATION' ? InvitationLink : UserLink;

/**
 * How many guesses are compared with the code of an email: with 10^8 codes, one email in a million is guessed. The waits of `codeByAddress` leave an
 * attacker 31 guesses in the 30 minutes of a reset code and 78 in the 24 hours of a confirmation code, so that neither can be used up.
 */
const maxCodeGuesses = 100;

/** The codes of the newest emails to an address are valid together: with only the newest, any further email that someone requests would replace it. */
const maxComparedCodes = 10;

/** Finds the usable link for one of these purposes. Counts the attempt first. Throws INVALID_TOKEN whatever is wrong with the link. */
export async function findEmailLink<Purpose extends EmailLinkPurpose>(
  caller: Caller,
  purpose: Purpose | readonly Purpose[],
  { token, email, code }: LinkProof,
): Promise<LinkFor<Purpose>> {
  if ((token == null) === (email == null || code == null)) {
    throw validationError({ token: ['must be given if `email` and `code` are omitted'] });
  }
  await consume(caller, { linkByNetwork: caller.client.network });
  const purposes = [purpose].flat();
  const link = token != null ? await findByToken(caller, purposes, token) : await findByCode(caller, purposes, email ?? '', code ?? '');
  if (!link) throw graphqlError('INVALID_TOKEN');
  return link as LinkFor<Purpose>;
}

/**
 * Uses up a link and locks its user until the transaction ends. Atomic: a conditional UPDATE, so a link works once, not after its expiry, and not
 * if the account was disabled, deleted or, where it matters, given another address. Invalidates the other links of its purpose, except those that
 * undo other changes of the address, which restore other addresses. Throws INVALID_TOKEN.
 */
export async function consumeLink(tx: Tx, link: UserLink): Promise<void> {
  const { id, userId, purpose } = link;
  // Two statements: the second one sees what was committed while the first one waited for the lock.
  await tx.$queryRaw(sql`select 1 from "User" where id = ${userId}::uuid for no key update`);
  const account = await tx.$queryRaw<unknown[]>(
    sql`select 1 from "User" where id = ${userId}::uuid and enabled and ${accountCondition(link)}`,
  );
  const used = await tx.$queryRaw<unknown[]>(sql`
    update "EmailLink" set "usedAt" = now() where id = ${id}::uuid and "usedAt" is null and "expiresAt" > now() returning 1`);
  if (account.length === 0 || used.length === 0) throw graphqlError('INVALID_TOKEN');
  if (purpose !== 'UNDO_EMAIL_CHANGE') await invalidateLinks(tx, userId, [purpose]);
}

/** What a link requires of its account, as a condition on "User". */
function accountCondition({ userId, purpose, emailKey }: UserLink): Sql {
  // An attacker may change the address and then delete the account, so undoing works until it is erased: without the address its owner could not ask for it to be restored.
  if (purpose === 'UNDO_EMAIL_CHANGE') return sql`"erasedAt" is null`;
  if (purpose === 'CHANGE_EMAIL') return sql`"deletedAt" is null`;
  const sameAddress = sql`"deletedAt" is null and "emailKey" = ${emailKey}`;
  if (purpose !== 'FIRST_PASSWORD') return sameAddress;
  // This link is valid for days, so it only sets the first password.
  return sql`${sameAddress} and not exists (select 1 from "Password" p where p."userId" = ${userId}::uuid)`;
}

/**
 * Invalidates links of a user after the password, the address or the state of the account has changed (security.md 11.1), and drops the emails
 * whose link would be created when they are sent. The caller must have locked the user.
 */
export async function invalidateLinks(
  tx: Tx,
  userId: string,
  purposes: readonly EmailLinkPurpose[] = ['CONFIRM_EMAIL', 'RESET_PASSWORD', 'FIRST_PASSWORD', 'CHANGE_EMAIL'],
): Promise<void> {
  await tx.$executeRaw(sql`
    update "EmailLink" set "usedAt" = clock_timestamp()
    where "userId" = ${userId}::uuid and purpose = any(${[...purposes]}::"EmailLinkPurpose"[]) and "usedAt" is null`);
  const templates = Object.entries(emailTemplates).flatMap(([name, template]) =>
    'link' in template && purposes.includes(template.link.purpose) ? [name] : [],
  );
  await tx.$executeRaw(sql`
    update "OutboxEmail" m set "completedAt" = now(), outcome = 'obsolete', data = null from "User" u
    where u.id = ${userId}::uuid and m."completedAt" is null and m.template = any(${templates}) and (m."userId" = u.id or m."emailKey" = u."emailKey")`);
}

async function findByToken({ db }: Caller, purposes: EmailLinkPurpose[], token: string): Promise<EmailLink | undefined> {
  const [link] = await db.query<EmailLink>(sql`
    select * from "EmailLink"
    where hash = ${hashToken(token)}::bytea and purpose = any(${purposes}::"EmailLinkPurpose"[]) and "usedAt" is null and "expiresAt" > now()`);
  return link;
}

/**
 * Finds the link to an address by its code, among those of the newest emails. The guess is counted before the code is compared. While the guesses of
 * others make the address wait, a code is compared only with links whose user has used the network before, and a wrong one gets the error of the wait
 * there too.
 */
async function findByCode(caller: Caller, purposes: EmailLinkPurpose[], email: string, code: string): Promise<EmailLink | undefined> {
  const { db, keys, client } = caller;
  const key = emailKey(email) ?? '';
  const { counted, limited } = await consumeGuess(caller, codeKeys(key || email, client.network));
  const link = await whileCounted(caller, counted, compare);
  if (link) await refund(db, counted);
  else if (limited) throw limited;
  return link;

  async function compare(): Promise<EmailLink | undefined> {
    const live = await db.query<Pick<EmailLink, 'id' | 'userId'>>(sql`
      select id, "userId" from "EmailLink" where "emailKey" = ${key} and purpose = any(${purposes}::"EmailLinkPurpose"[]) and "usedAt" is null
        and "expiresAt" > now() order by "createdAt" desc, id desc limit ${maxComparedCodes}`);
    const userIds = [...new Set([null, ...live.map(({ userId }) => userId)])];
    const known = limited && (await Promise.all(userIds.map((userId) => isKnownNetwork(db, userId, client.network))));
    const ids = live.filter(({ userId }) => !known || known[userIds.indexOf(userId)]).map(({ id }) => id);
    const compared = await db.query<EmailLink>(sql`
      update "EmailLink" set attempts = attempts + 1
      where id = any(${ids}::uuid[]) and attempts < ${maxCodeGuesses} returning *`);
    return compared.find(({ id }) => isSameCode(deriveLinkCode(keys, id), code));
  }
}

/** Compares a code as people type or paste it: with blanks or dashes between the digits, or with the digits of another script's keyboard. */
function isSameCode(expected: string, actual: string): boolean {
  const digits = actual.normalize('NFKC').replace(/[\s\p{Pd}]/gu, '');
  const [one, other] = [Buffer.from(expected), Buffer.from(digits)];
  return one.length === other.length && timingSafeEqual(one, other);
}
