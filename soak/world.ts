import { generateKeys } from '../src/identity/keys/configured-keys.ts';
import { formatCursor } from '../src/identity/tokens/revocation-log.ts';
import { openPool, readTruth } from './expected-state.ts';
import { makeApiToken, makePeople } from './fixtures.ts';
import { follow } from './follower.ts';
import { openNode } from './node.ts';
import type { Postgres } from './postgres.ts';
import type { World } from './round.ts';
import { overEvents, overSocket } from './stream-client.ts';

// Simulates a slow disk or a synchronous replica: between taking its position and becoming visible, other commits may overtake.
const slowCommits = `
  create function slow_commit() returns trigger language plpgsql as $$
  begin
    if random() < 0.3 then perform pg_sleep(random() * 0.02); end if;
    return null;
  end $$;
  create constraint trigger slow_commit after insert on "RevocationCommit" deferrable initially deferred
    for each row execute function slow_commit()`; // triggers fire in the order of their names: after revocation_position

/** Three servers, administrators, and three followers from the beginning. */
export async function openWorld(
  postgres: Postgres,
  folder: string,
  ended: (name: string) => void,
): Promise<World & { close(): Promise<void> }> {
  const environment = {
    DATABASE_URL: postgres.url,
    TRUSTED_PROXIES: '1',
    ALLOWED_HOSTS: '127.0.0.1',
    ACCESS_TOKEN_TTL: '15m',
    LOG_LEVEL: 'warn',
    ...(await generateKeys()),
  };
  const nodes = await Promise.all(['one', 'two', 'three'].map((name) => openNode(`node ${name}`, environment, folder, ended)));
  for (const node of nodes) await node.start();
  const [node] = nodes as [(typeof nodes)[0], ...typeof nodes];
  const pool = openPool(postgres.url);
  await pool.query(slowCommits);
  await pool.query(`insert into "Role" (name, permissions) values ('FOLLOWER', '{tokens:follow}')`);
  const [reader, ...people] = await makePeople(pool, ['FOLLOWER', ...Array(16).fill('SUPERADMIN')]);
  const admins: string[] = [];
  for (const person of people)
    admins.push(await makeApiToken(node, person, ['tokens:revoke', 'users:write', 'domains:read', 'domains:write']));
  const token = await makeApiToken(node, reader as NonNullable<typeof reader>, ['tokens:follow']);
  const beginning = formatCursor({ position: 0n, seq: 2n ** 63n - 1n }); // before the first commit
  const followers = [
    follow('a follower over WebSocket', overSocket, nodes, token, beginning),
    follow('another over WebSocket', overSocket, nodes, token, beginning),
    follow('a follower over server-sent events', overEvents, nodes, token, beginning),
  ];
  const close = async () => {
    await Promise.all(followers.map(({ leave }) => leave()));
    for (const one of nodes) one.stop();
    await pool.end();
  };
  return { pool, nodes, admins, postgres, followers, known: (await readTruth(pool)).length, close };
}
