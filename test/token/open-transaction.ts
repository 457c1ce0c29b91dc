import pg from 'pg';
import type { TestServer, TestUser } from '../test-server.ts';

/** Records the revocation of a session in a transaction that stays open. Returns a function that commits it. */
export async function revokeInOpenTransaction(
  { databaseUrl }: Pick<TestServer, 'databaseUrl'>,
  { uuid }: TestUser,
  sid: string,
): Promise<() => Promise<void>> {
  const slow = new pg.Client({ connectionString: databaseUrl });
  await slow.connect();
  await slow.query('begin');
  await slow.query(
    `insert into "TokenRevocation" ("tokenId", kind, "userId", reason, initiator) values ($1, 'SESSION', $2, 'LOGOUT', 'USER')`,
    [sid, uuid],
  );
  return async () => {
    await slow.query('commit');
    await slow.end();
  };
}
