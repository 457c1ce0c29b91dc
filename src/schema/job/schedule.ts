import type { Config } from '../../config.ts';
import { batchSize, countAffected, runInBatches } from '../../database/batched-delete.ts';
import { type Database, type Sql, sql } from '../../database/database.ts';
import { purgeAuditEvents } from '../../identity/audit/purge-events.ts';
import { lostDomainAccess } from '../../identity/grants/revoke-orphaned-sessions.ts';
import { purgeTokens } from '../../identity/tokens/purge-tokens.ts';
import { revokeTokens } from '../../identity/tokens/sessions.ts';
import type { UnitOfWork } from '../../identity/unit-of-work.ts';
import { eraseExpiredAccounts } from '../account/erase-account.ts';

type Store = Pick<Database, 'query' | 'prisma'>;

interface Job {
  /** Its row in the database; under another name it is another job. */
  readonly name: string;
  /** Milliseconds between two runs. */
  readonly every: number;
  /** Answers how many rows it was about. */
  run(db: Store, work: UnitOfWork, config: Pick<Config, 'AUDIT_RETENTION'>): Promise<number>;
}

const most = 5_000; // milliseconds that the batches of a run take before the rest waits for the next one

const batches =
  (one: Sql): Job['run'] =>
  (db) =>
    runInBatches(db, one, most);

/** What happens on a clock, on one server at a time (clock.ts). */
export const jobs: readonly Job[] = [
  {
    name: 'forget throttles that have ended',
    every: 600_000,
    run: (db) => countAffected(db, sql`delete from "Throttle" where "expiresAt" < now()`),
  },
  { name: 'erase what was deleted long enough ago', every: 60_000, run: eraseExpiredAccounts },
  {
    name: 'forget former addresses that nobody gets back any more',
    every: 600_000,
    run: (db) => countAffected(db, sql`delete from "FormerEmail" where "expiresAt" < now()`),
  },
  // There are at most as many as readers, fields and days.
  {
    name: 'forget read receipts after 90 days',
    every: 60_000,
    run: batches(sql`delete from "FieldRead" where id in (
      select id from "FieldRead" where at < now() - interval '90 days' order by at limit ${batchSize}::int for update skip locked)`),
  },
  // What is taken out marks its commit first, so that no cursor before it is taken for complete (security.md 7.8: at least a day).
  {
    name: 'trim revocations after 30 days',
    every: 60_000,
    run: async ({ query }) => {
      const [told] = await query<{ count: number }>(sql`
        with old as (
          select id from "TokenRevocation" where "revokedAt" < now() - interval '30 days' order by "revokedAt", seq limit ${batchSize}::int for update skip locked
        ), gone as (
          delete from "TokenRevocation" r using old where r.id = old.id returning r."commitId"
        ), marked as (
          update "RevocationCommit" set trimmed = true where id in (select "commitId" from gone) and not trimmed
        ) select count(*)::int as count from gone`);
      return told?.count ?? 0;
    },
  },
  // The newest one stays: it says where the log begins.
  {
    name: 'forget commits of which nothing is left',
    every: 60_000,
    run: (db) =>
      countAffected(
        db,
        sql`delete from "RevocationCommit" c where c.id in (
          select id from "RevocationCommit" where trimmed and position < (select max(position) from "RevocationCommit" where trimmed) limit ${batchSize}::int
        ) and not exists (select 1 from "TokenRevocation" r where r."commitId" = c.id)`,
      ),
  },
  { name: 'forget tokens 30 days after their end', every: 600_000, run: (db) => purgeTokens(db, most) },
  {
    name: 'forget letters 30 days after their end',
    every: 600_000,
    run: batches(sql`delete from "Mail" where id in (
      select id from "Mail" where "endedAt" < now() - interval '30 days' order by "endedAt" limit ${batchSize}::int for update skip locked)`),
  },
  {
    name: 'forget invitations 30 days after their end',
    every: 600_000,
    run: batches(sql`delete from "Invitation" where id in (
      select id from "Invitation" where least("expiresAt", "acceptedAt", "revokedAt") < now() - interval '30 days' limit ${batchSize}::int for update skip locked)`),
  },
  {
    name: 'forget links 30 days after their end',
    every: 600_000,
    run: batches(sql`delete from "Link" where id in (
      select id from "Link" where "expiresAt" < now() - interval '30 days' order by "expiresAt" limit ${batchSize}::int for update skip locked)`),
  },
  { name: 'forget what happened, in the audit', every: 600_000, run: (db, _, config) => purgeAuditEvents(db, config, most) },
  // A grant ends by itself; what was entered by it ends with it. A day back, for nodes that were all stopped meanwhile.
  {
    name: 'end what was entered by roles that have ended',
    every: 5_000,
    run: async (db, work) => {
      const which = sql`t."userId" in (select "userId" from "RoleGrant" where "expiresAt" between now() - interval '1 day' and now()) and ${lostDomainAccess}`;
      const ended = await revokeTokens(db, which, { reason: 'ACCESS_LOST', initiator: 'SYSTEM', actor: null, work });
      return ended.length;
    },
  },
];
