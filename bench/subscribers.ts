import { join } from 'node:path';
import { channels } from '../src/identity/tokens/revocation-channel.ts';
import type { Heard, Task } from './audience.ts';
import { ask, startChild, stopChild } from './children.ts';
import { emailOf, superadminOf, users } from './temp-database.ts';
import { logIn, startServer, type World } from './world.ts';

const memory = new URL('./memory.ts', import.meta.url).href;
const people = 220; // each may have 10 sockets
const first = 100; // the first sockets warm the server up and are not counted as memory
const steps = [1_000, 2_000] as const;

/** The result for a number of subscribers: how long one revocation takes to reach them, and the memory of each in bytes. */
interface Crowd extends Heard {
  readonly count: number;
  readonly bytes: number;
}

/** One revocation to 1,000 and to 2,000 subscribers, in addition to the first 100. */
export async function measureSubscribers({ environment, scratch }: World): Promise<Crowd[]> {
  const server = await startServer(environment, ['--expose-gc', '--import', memory]);
  const held = async () => (await ask<{ bytes: number }>(server.child, {})).bytes;
  const { url } = server;
  const authorizations: string[] = [];
  for (let index = 1; index <= people; index += 1)
    authorizations.push((await logIn(url, superadminOf(index), users + index)).authorization);
  const tokens: string[] = [];
  for (let index = 1; index <= 22; index += 1) tokens.push((await logIn(url, emailOf(users - index), users - index)).token.id);
  const audience = startChild('beside', join(import.meta.dirname, 'audience.ts'), {});
  const perform = <Answer>(task: Task) => ask<Answer>(audience, task);
  const [authorization = ''] = authorizations;
  const revoking = { do: 'revoke', url, database: scratch.url, authorization, channel: channels.tokenRevoked } as const;
  await perform({ do: 'open', url, authorizations, from: 0, count: first });
  await perform({ ...revoking, tokens: tokens.splice(0, 2) });
  const before = await held();
  const crowds: Crowd[] = [];
  let open = 0;
  for (const count of steps) {
    await perform({ do: 'open', url, authorizations, from: first + open, count: count - open });
    open = count;
    const bytes = ((await held()) - before) / count;
    crowds.push({ count, bytes, ...(await perform<Heard>({ ...revoking, tokens: tokens.splice(0, 10) })) });
  }
  await stopChild(audience);
  await stopChild(server.child);
  return crowds;
}
