import { join } from 'node:path';
import type { Heard, Task } from './audience.ts';
import { ask, startChild, stopChild } from './children.ts';
import { emailOf, superadminOf, users } from './scratch.ts';
import { logIn, startServer, type World } from './world.ts';

const memory = new URL('./memory.ts', import.meta.url).href;
const people = 110; // each may have 10 sockets
const first = 100; // the first sockets warm the server up and are not counted as memory
const counted = 1_000;

/** How long one revocation takes to reach 1,100 subscribers, and what each of them costs the server in bytes. */
export async function measureSubscribers({ environment, scratch }: World): Promise<Heard & { bytes: number }> {
  const server = await startServer(environment, ['--expose-gc', '--import', memory]);
  const held = async () => (await ask<{ bytes: number }>(server.child, {})).bytes;
  const authorizations: string[] = [];
  for (let index = 1; index <= people; index += 1)
    authorizations.push((await logIn(server.url, superadminOf(index), users + index)).authorization);
  const tokens: string[] = [];
  for (let index = 1; index <= 12; index += 1) tokens.push((await logIn(server.url, emailOf(users - index), users - index)).token.id);
  const audience = startChild('beside', join(import.meta.dirname, 'audience.ts'), {});
  const perform = <Answer>(task: Task) => ask<Answer>(audience, task);
  const { url } = server;
  await perform({ do: 'open', url, authorizations, from: 0, count: first });
  const [authorization = ''] = authorizations;
  const revoking = { do: 'revoke', url, database: scratch.url, authorization } as const;
  await perform({ ...revoking, tokens: tokens.slice(0, 2) });
  const before = await held();
  await perform({ do: 'open', url, authorizations, from: first, count: counted });
  const bytes = ((await held()) - before) / counted;
  const heard = await perform<Heard>({ ...revoking, tokens: tokens.slice(2) });
  await stopChild(audience);
  await stopChild(server.child);
  return { ...heard, bytes };
}
