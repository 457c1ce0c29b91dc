import { type Sql, sql } from '../database/database.ts';

/**
 * A condition on "Token" t: it was neither revoked, nor has it expired, nor has its session been unused for too long. By the time at which it is
 * evaluated: a statement that has waited for the row must not extend a session that ended meanwhile.
 */
export const hasNotEnded: Sql = sql`t."revokedAt" is null and least(t."expiresAt", t."idleExpiresAt") > clock_timestamp()`;

/** A condition on "Token" t: it is not tied to a domain, or that domain and all above it are active and its owner may still enter it. */
export const mayBeInDomain = sql`(t."domainId" is null or exists (select from domain_entry_grants(t."userId", t."domainId")))`;

/**
 * Why "Token" t of "User" u is not accepted, as the code of the error; null if it is live. This is the only definition of a live token: for
 * requests over every transport, introspection, refresh and subscriptions (docs/decisions/0044).
 */
export const tokenRejection: Sql = sql`case when t."revokedAt" is not null then 'TOKEN_REVOKED' when not (${hasNotEnded}) then 'TOKEN_EXPIRED'
  when not u.enabled or u."deletedAt" is not null then 'ACCOUNT_DISABLED' when not ${mayBeInDomain} then 'DOMAIN_ACCESS_DENIED' end`;

/** `tokenRejection` as a condition on "Token" t and "User" u. */
export const isLive: Sql = sql`(${tokenRejection}) is null`;
