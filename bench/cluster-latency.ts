import { encodeGlobalID } from '@pothos/plugin-relay';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { Heard, Task } from './audience.ts';
import { ask, startChild, stopChild } from './children.ts';
import { openSessions } from './open-sessions.ts';
import { superadminOf, users } from './temp-database.ts';
import { logIn, startServer, type World } from './world.ts';

const redisUrl = process.env.BENCH_REDIS_URL ?? 'redis://127.0.0.1:6379';
const people = 10; // each with 10 sockets at each of two nodes
const revocations = 40;

/** Revocations at one node, 100 subscribers at each of two others. Skips Redis if none responds. */
export async function measureLatency(on: World): Promise<{ NOTIFY: Heard; Redis: Heard | undefined }> {
  const client = new pg.Client({ connectionString: on.scratch.url });
  await client.connect();
  // Reports the time of the commit in both cases: with Redis the server itself does not use NOTIFY.
  await client.query(`
    create function bench_committed() returns trigger language plpgsql as $$ begin perform pg_notify('bench_committed', ''); return null; end $$;
    create trigger bench_committed after insert on "RevocationCommit" for each row execute function bench_committed()`);
  const notify = await heardBy(on, {});
  const redis = (await answers()) ? await heardBy(on, { REDIS_URL: redisUrl }) : undefined;
  await client.query('drop function bench_committed cascade');
  await client.end();
  return { NOTIFY: notify, Redis: redis };
}

async function heardBy({ environment, scratch }: World, setting: NodeJS.ProcessEnv): Promise<Heard> {
  const [here, ...there] = await Promise.all([0, 1, 2].map(() => startServer({ ...environment, ...setting })));
  if (!here) throw new Error('no server');
  const authorizations: string[] = [];
  for (let index = 1; index <= people; index += 1)
    authorizations.push((await logIn(here.url, superadminOf(index), users + index)).authorization);
  const tokens = (await openSessions(scratch.url, revocations)).map(({ id }) => encodeGlobalID('Token', id));
  const audience = startChild('beside', `${import.meta.dirname}/audience.ts`, {});
  const perform = <Answer>(task: Task) => ask<Answer>(audience, task);
  for (const { url } of there) await perform({ do: 'open', url, authorizations, from: 0, count: people * 10 });
  const [authorization = ''] = authorizations;
  const revoking = { do: 'revoke', url: here.url, database: scratch.url, authorization, channel: 'bench_committed' } as const;
  await perform({ ...revoking, tokens: tokens.splice(0, 3) });
  const heard = await perform<Heard>({ ...revoking, tokens });
  await Promise.all([audience, here.child, ...there.map(({ child }) => child)].map(stopChild));
  return heard;
}

async function answers(): Promise<boolean> {
  const redis = new Redis(redisUrl, { retryStrategy: () => null, lazyConnect: true, maxRetriesPerRequest: 0 }).on('error', () => {});
  const answer = await redis.ping().catch(() => '');
  redis.disconnect();
  return answer === 'PONG';
}
