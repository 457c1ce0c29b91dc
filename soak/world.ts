import { loadConfiguredKeys } from '../src/identity/keys/configured-keys.ts';
import { formatCursor } from '../src/identity/tokens/revocation-cursor.ts';
import { openPool, readLog } from './expected-state.ts';
import { createAccounts, createApiToken } from './fixtures.ts';
import { follow } from './follower.ts';
import { clusterSettings, openNode } from './node.ts';
import type { Postgres } from './postgres.ts';
import type { World } from './round.ts';
import { overEventStream, overWebSocket } from './stream-client.ts';

// Simulates a slow disk or a synchronous replica: a commit may be overtaken between getting its position and becoming visible.
const slowCommits = `
  create function slow_commit() returns trigger language plpgsql as $$
  begin
    if random() < 0.3 then perform pg_sleep(random() * 0.02); end if;
    return null;
  end $$;
  create constraint trigger slow_commit after insert on "RevocationCommit" deferrable initially deferred
    for each row execute function slow_commit()`; // triggers run in the order of their names, so after revocation_position

/** Starts three servers, creates administrators, and starts three followers from the beginning of the log. */
export async function openWorld(
  postgres: Postgres,
  folder: string,
  ended: (name: string) => void,
): Promise<World & { close(): Promise<void> }> {
  const environment = await clusterSettings(postgres.url);
  const keys = await loadConfiguredKeys({ ...environment, DATA_DIR: folder });
  const nodes = await Promise.all(['one', 'two', 'three'].map((name) => openNode(`node ${name}`, environment, folder, ended)));
  for (const node of nodes) await node.start();
  const [node] = nodes as [(typeof nodes)[0], ...typeof nodes];
  const pool = openPool(postgres.url);
  await pool.query(slowCommits);
  await pool.query(`insert into "Role" (name, permissions) values ('FOLLOWER', '{tokens:follow}')`);
  const [reader, ...accounts] = await createAccounts(pool, ['FOLLOWER', ...Array(16).fill('SUPERADMIN')]);
  const admins: string[] = [];
  for (const account of accounts)
    admins.push(await createApiToken(node, account, ['tokens:revoke', 'users:write', 'domains:read', 'domains:write']));
  const token = await createApiToken(node, reader as NonNullable<typeof reader>, ['tokens:follow']);
  const beginning = formatCursor(keys, { position: 0n, seq: 2n ** 63n - 1n }); // before the first commit
  const followers = [
    follow('WebSocket follower 1', overWebSocket, nodes, token, beginning),
    follow('WebSocket follower 2', overWebSocket, nodes, token, beginning),
    follow('SSE follower', overEventStream, nodes, token, beginning),
  ];
  const close = async () => {
    await Promise.all(followers.map(({ leave }) => leave()));
    for (const one of nodes) one.stop();
    await pool.end();
  };
  return { pool, nodes, admins, postgres, followers, keys, known: (await readLog(pool, keys)).length, close };
}
