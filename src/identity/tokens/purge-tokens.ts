import { batchSize, runInBatches } from '../../database/batched-delete.ts';
import { type Database, sql } from '../../database/database.ts';

// A token is kept as long as an entry of the revocation log refers to it.
const isPurgeable = sql`(t."expiresAt" < now() - interval '30 days' or t."revokedAt" < now() - interval '30 days')
  and not exists (select 1 from "TokenRevocation" r where r."tokenId" = t.id)`;

/**
 * Deletes sessions and API tokens that expired or were revoked more than 30 days ago, with their secrets, for at most that many milliseconds.
 * Notifies no one: they were unusable already. Returns how many tokens it deleted.
 */
export async function purgeTokens(db: Pick<Database, 'query'>, maxDuration = Number.POSITIVE_INFINITY): Promise<number> {
  const deadline = performance.now() + maxDuration;
  // Secrets first: a session has one per refresh, so deleting tokens with theirs could exceed the batch size many times over.
  const secrets = sql`delete from "TokenSecret" where hash in (
    select s.hash from "Token" t join "TokenSecret" s on s."tokenId" = t.id where ${isPurgeable} limit ${batchSize}::int)`;
  const tokens = sql`delete from "Token" where id in (
    select t.id from "Token" t where ${isPurgeable} and not exists (select 1 from "TokenSecret" s where s."tokenId" = t.id)
    limit ${batchSize}::int for update of t skip locked)`;
  await runInBatches(db, secrets, maxDuration);
  return runInBatches(db, tokens, deadline - performance.now());
}
