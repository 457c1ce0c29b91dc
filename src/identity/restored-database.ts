import { randomUUID } from 'node:crypto';
import { type Database, onTransaction, type Sql, sql, type Tx } from '../database/database.ts';
import { Prisma } from '../database/generated/prisma/client.ts';
import { restoreMarker } from '../database/unfinished-restore.ts';
import { recordAuditEvent } from './audit/record-event.ts';
import type { ConfiguredKeys } from './keys/configured-keys.ts';
import { replaceKeys } from './keys/rotate-keys.ts';
import { revokeTokens } from './tokens/sessions.ts';
import { createPendingEvents } from './unit-of-work.ts';

/**
 * What a restored backup may have brought back. Everything else is kept: what changed after the backup is unknown, and the operator checks it. The
 * transactions of a running server write these tables in different orders, so locking them may meet a deadlock; then one of the two is repeated
 * (docs/decisions/0030). A server waits for the first table before it writes the others, so it happens at most once with each transaction in flight.
 */
const endedTables = [
  'Token',
  'TokenRevocation', // it gets the revocations; its cursors expire
  'RevocationCommit',
  'EmailLink',
  'Invitation',
  'OutboxEmail', // an email may have been sent after the backup
  'SigningKey', // a removed key would be accepted again
] satisfies Prisma.ModelName[];

/** What `endRestoredAccess` has ended. */
export interface EndedAccess {
  readonly sessions: number;
  readonly apiTokens: number;
  readonly links: number;
  readonly invitations: number;
  readonly emails: number;
  /** The time of the last audit event of the backup; null if it has none. What happened between then and now is not in the database. */
  readonly lastEventAt: Date | null;
  /** The key that signs from now on. */
  readonly kid: string;
}

// Prisma ends a transaction after this many milliseconds. A million sessions take some minutes.
const transactionOptions = { timeout: 24 * 60 * 60_000, maxWait: 60_000 };

const command = 'restored';

/**
 * Ends whatever a restored backup may have brought back: all sessions, email links, invitations, waiting emails and signing keys and, unless they
 * are kept, API tokens. Cursors of the revocation log expire. Atomic: one transaction. The tables are locked, so that nothing that a running server
 * opens at the same time is missed (security.md 25.4).
 */
export const endRestoredAccess = (db: Database, configured: ConfiguredKeys, keepApiTokens: boolean): Promise<EndedAccess> =>
  db.prisma.$transaction(async (tx) => {
    const tables = endedTables.map((table) => Prisma.raw(`"${table}"`));
    await tx.$executeRaw(sql`lock table ${Prisma.join(tables)} in share row exclusive mode`);
    const [last] = await tx.$queryRaw<{ at: Date }[]>(sql`select at from "AuditEvent" order by at desc limit 1`);
    await expireCursors(tx);
    const sessions = await revokeAll(tx, sql`t.kind = 'SESSION'`);
    const apiTokens = keepApiTokens ? 0 : await revokeAll(tx, sql`t.kind = 'API'`);
    const links = await tx.$executeRaw(sql`update "EmailLink" set "usedAt" = now() where "usedAt" is null and "expiresAt" > now()`);
    const invitations = await tx.$executeRaw(sql`
      update "Invitation" set "revokedAt" = now() where "acceptedAt" is null and "revokedAt" is null and "expiresAt" > now()`);
    const emails = await tx.$executeRaw(sql`
      update "OutboxEmail" set "completedAt" = now(), outcome = 'obsolete', data = null where "completedAt" is null`);
    const kid = await replaceKeys(tx, configured, command);
    const ended = { sessions, apiTokens, links, invitations, emails };
    const details = { ...ended, keepApiTokens, lastEventAt: last?.at.toISOString() ?? null };
    await recordAuditEvent(tx, client(), null, { action: 'sys_database_restored', details });
    await tx.$executeRaw(sql`drop table if exists ${Prisma.raw(`"${restoreMarker}"`)}`); // from now on, servers start
    return { ...ended, lastEventAt: last?.at ?? null, kid };
  }, transactionOptions);

/**
 * Moves the end of the revocation log past any position that was assigned after the backup, and marks what is before it as incomplete. Positions of
 * restored logs start at the time in microseconds: another restore of the same backup starts later, and no server assigns as many.
 */
async function expireCursors(tx: Tx): Promise<void> {
  // The lock under which positions are assigned (docs/decisions/0018): no commit gets a position before the mark.
  await tx.$queryRaw(sql`select pg_advisory_xact_lock(hashtextextended('fieldgate.revocations', 0))::text`);
  await tx.$queryRaw(sql`
    select setval('revocation_position', greatest(nextval('revocation_position'), (extract(epoch from clock_timestamp()) * 1000000)::bigint))::text`);
  await tx.$executeRaw(sql`insert into "RevocationCommit" (trimmed) values (true)`);
}

async function revokeAll(tx: Tx, where: Sql): Promise<number> {
  const work = { client: client(), events: createPendingEvents() };
  return (await revokeTokens(onTransaction(tx), where, { reason: 'ADMIN_REVOKED', initiator: 'SYSTEM', actor: null, work })).length;
}

const client = () => ({ network: 'local', agent: command, requestId: randomUUID() });
