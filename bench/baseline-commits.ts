import pg from 'pg';
import { serve } from './children.ts';
import { type Measured, summary } from './measured.ts';

// Baseline of revocations: one statement with plain pg, with the concurrency of three servers' pools.

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 30 });

const statement = {
  name: 'end',
  text: `with ended as (
      update "Token" set "revokedAt" = now(), "revokedReason" = 'LOGOUT' where id = $1 and "revokedAt" is null and "expiresAt" > now()
      returning id, kind, "userId", "domainId"
    ), logged as (
      insert into "TokenRevocation" ("tokenId", kind, "userId", "domainId", reason, initiator, "actorId")
      select id, kind, "userId", "domainId", 'LOGOUT', 'USER', "userId" from ended
    ), audited as (
      insert into "AuditEvent" (action, result, reason, "userId", "targetType", "targetId", "actorId", "actorTokenId")
      select 'session_revoked', 'ok', 'LOGOUT', "userId", 'Token', id, "userId", id from ended
    ) select id from ended`,
};

serve(async ({ milliseconds, ids }: { milliseconds: number; ids: readonly string[] }): Promise<Measured> => {
  const [begun, left] = [performance.now(), [...ids]];
  const times: number[] = [];
  const end = async () => {
    for (let id = left.pop(); id !== undefined && performance.now() - begun < milliseconds; id = left.pop()) {
      const at = performance.now();
      await pool.query({ ...statement, values: [id] });
      times.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: 30 }, end));
  return summary(times, performance.now() - begun);
});
