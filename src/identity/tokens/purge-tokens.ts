import { batchSize, runInBatches } from '../../database/batched-delete.ts';
import { type Database, sql } from '../../database/database.ts';

// As long as the log of revocations is kept: a record of it that names a token keeps that token.
const isPast = sql`(t."expiresAt" < now() - interval '30 days' or t."revokedAt" < now() - interval '30 days')
  and not exists (select 1 from "TokenRevocation" r where r."tokenId" = t.id)`;

/**
 * Forgets sessions and API tokens that ended longer ago than 30 days, and their secrets, for at most so many milliseconds. What it takes out has
 * ended, so that nobody is told of it. Answers how many tokens went.
 */
export async function purgeTokens(db: Pick<Database, 'query'>, most = Number.POSITIVE_INFINITY): Promise<number> {
  const end = performance.now() + most;
  // A session has one secret for each refresh: with their token, some tokens' would be more than a statement can take out.
  const secrets = sql`delete from "TokenSecret" where hash in (
    select s.hash from "Token" t join "TokenSecret" s on s."tokenId" = t.id where ${isPast} limit ${batchSize}::int)`;
  const tokens = sql`delete from "Token" where id in (
    select t.id from "Token" t where ${isPast} and not exists (select 1 from "TokenSecret" s where s."tokenId" = t.id)
    limit ${batchSize}::int for update of t skip locked)`;
  await runInBatches(db, secrets, most);
  return runInBatches(db, tokens, end - performance.now());
}
