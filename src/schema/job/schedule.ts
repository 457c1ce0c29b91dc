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
  /** The key of its row: a renamed job is another job. */
  readonly name: string;
  /** Milliseconds between two runs. */
  readonly every: number;
  /** Returns the number of rows processed. */
  run(db: Store, work: UnitOfWork, config: Pick<Config, 'AUDIT_RETENTION'>): Promise<number>;
}

const maxDuration = 5_000; // milliseconds; what remains is left to the next run

/** A job that deletes in batches. `statement` handles at most `batchSize` rows. */
const inBatches =
  (statement: Sql): Job['run'] =>
  (db) =>
    runInBatches(db, statement, maxDuration);

/** Every scheduled job (run by job-runner.ts, on one server at a time). */
export const jobs: readonly Job[] = [
  {
    name: 'purge-rate-limits',
    every: 600_000,
    run: (db) => countAffected(db, sql`delete from "RateLimit" where "expiresAt" < now()`),
  },
  { name: 'erase-deleted-accounts', every: 60_000, run: eraseExpiredAccounts },
  {
    name: 'purge-reserved-emails',
    every: 600_000,
    run: (db) => countAffected(db, sql`delete from "ReservedEmail" where "expiresAt" < now()`),
  },
  // Kept for 90 days. At most one row per reader, user, field and day.
  {
    name: 'purge-read-receipts',
    every: 60_000,
    run: inBatches(sql`delete from "FieldRead" where id in (
      select id from "FieldRead" where at < now() - interval '90 days' order by at limit ${batchSize}::int for update skip locked)`),
  },
  // Kept for 30 days (security.md 7.8: at least one). The same statement marks the commits of deleted entries, so that a cursor before them expires.
  {
    name: 'trim-revocation-log',
    every: 60_000,
    run: async ({ query }) => {
      const [row] = await query<{ count: number }>(sql`
        with old as (
          select id from "TokenRevocation" where "revokedAt" < now() - interval '30 days' order by "revokedAt", seq limit ${batchSize}::int for update skip locked
        ), deleted as (
          delete from "TokenRevocation" r using old where r.id = old.id returning r."commitId"
        ), marked as (
          update "RevocationCommit" set trimmed = true where id in (select "commitId" from deleted) and not trimmed
        ) select count(*)::int as count from deleted`);
      return row?.count ?? 0;
    },
  },
  // The newest trimmed commit is kept: it marks where the log starts.
  {
    name: 'purge-revocation-commits',
    every: 60_000,
    run: (db) =>
      countAffected(
        db,
        sql`delete from "RevocationCommit" c where c.id in (
          select id from "RevocationCommit" where trimmed and position < (select max(position) from "RevocationCommit" where trimmed) limit ${batchSize}::int
        ) and not exists (select 1 from "TokenRevocation" r where r."commitId" = c.id)`,
      ),
  },
  { name: 'purge-tokens', every: 600_000, run: (db) => purgeTokens(db, maxDuration) },
  {
    name: 'purge-outbox-emails',
    every: 600_000,
    run: inBatches(sql`delete from "OutboxEmail" where id in (
      select id from "OutboxEmail" where "completedAt" < now() - interval '30 days' order by "completedAt" limit ${batchSize}::int for update skip locked)`),
  },
  {
    name: 'purge-invitations',
    every: 600_000,
    run: inBatches(sql`delete from "Invitation" where id in (
      select id from "Invitation" where least("expiresAt", "acceptedAt", "revokedAt") < now() - interval '30 days' limit ${batchSize}::int for update skip locked)`),
  },
  {
    name: 'purge-email-links',
    every: 600_000,
    run: inBatches(sql`delete from "EmailLink" where id in (
      select id from "EmailLink" where "expiresAt" < now() - interval '30 days' order by "expiresAt" limit ${batchSize}::int for update skip locked)`),
  },
  // Kept for 24 hours (src/graphql/idempotency.ts).
  {
    name: 'purge-idempotency-keys',
    every: 600_000,
    run: inBatches(sql`delete from "IdempotencyKey" where ctid in (
      select ctid from "IdempotencyKey" where "createdAt" < now() - interval '24 hours' order by "createdAt" limit ${batchSize}::int for update skip locked)`),
  },
  { name: 'purge-audit-events', every: 600_000, run: (db, _, config) => purgeAuditEvents(db, config, maxDuration) },
  // Revokes the sessions that an expired grant allowed. Looks back a day, in case no server was running when the grant expired.
  {
    name: 'revoke-orphaned-sessions',
    every: 5_000,
    run: async (db, work) => {
      const where = sql`t."userId" in (select "userId" from "RoleGrant" where "expiresAt" between now() - interval '1 day' and now()) and ${lostDomainAccess}`;
      const revoked = await revokeTokens(db, where, { reason: 'ACCESS_LOST', initiator: 'SYSTEM', actor: null, work });
      return revoked.length;
    },
  },
];
