import { join } from 'node:path';
import pg from 'pg';
import { ask, startChild, stopChild } from './children.ts';
import type { Job, Loaded } from './load.ts';
import { type Measured, median } from './measured.ts';
import { authorizationsOf, openSessions } from './open-sessions.ts';
import { addressFor, type Server, type World } from './world.ts';

const milliseconds = 2_000;
const rounds = 3;
const most = 9_000; // sessions to revoke in a round: more than either side can revoke in that time

/** Committed revocations per second: by three servers, and by plain pg with and without the lock for positions. */
export async function measureCommits(on: World, servers: readonly Server[]): Promise<{ ours: number; locked: number; limit: number }> {
  const loads = servers.map(() => startChild('beside', join(import.meta.dirname, 'load.ts'), {}));
  const bare = startChild('measured', join(import.meta.dirname, 'baseline-commits.ts'), { DATABASE_URL: on.scratch.url });
  const client = new pg.Client({ connectionString: on.scratch.url });
  await client.connect();
  const byServers = async () => {
    const authorizations = await authorizationsOf(on.environment, await openSessions(on.scratch.url, most));
    const loaded = await Promise.all(
      loads.map((load, index) => ask<Loaded>(load, logouts(servers[index], authorizations, index, loads.length))),
    );
    return loaded.reduce((sum, { perSecond }) => sum + perSecond, 0);
  };
  const byBarePg = async () => {
    const ids = (await openSessions(on.scratch.url, most)).map(({ id }) => id);
    return (await ask<Measured>(bare, { milliseconds, ids })).perSecond;
  };
  const sides = { ours: [] as number[], locked: [] as number[], limit: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    sides.ours.push(await byServers());
    sides.locked.push(await byBarePg());
    await client.query('alter table "RevocationCommit" disable trigger revocation_position');
    sides.limit.push(await byBarePg());
    await client.query('alter table "RevocationCommit" enable trigger revocation_position');
  }
  await client.end();
  await Promise.all([...loads, bare].map(stopChild));
  return { ours: median(sides.ours), locked: median(sides.locked), limit: median(sides.limit) };
}

/** Each session logs out on one of the servers. */
function logouts(server: Server | undefined, authorizations: readonly string[], index: number, of: number): Job {
  const body = JSON.stringify({ query: 'mutation { logout { ended } }' });
  const own = authorizations.filter((_, one) => one % of === index);
  return {
    url: server?.url ?? '',
    milliseconds,
    connections: 10,
    requests: own.map((authorization, one) => ({ body, authorization, from: addressFor(one) })),
  };
}
