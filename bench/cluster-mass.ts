import { setTimeout as sleep } from 'node:timers/promises';
import { encodeGlobalID } from '@pothos/plugin-relay';
import pg from 'pg';
import { quantile, sorted } from './measured.ts';
import { authorizationsOf, openSessions } from './open-sessions.ts';
import { emailOf, superadminOf, users } from './temp-database.ts';
import { logIn, type Server, send, type World } from './world.ts';

interface HeldUp {
  readonly name: string;
  /** Milliseconds: the median before, and the maximum of the requests in flight meanwhile. */
  readonly calm: number;
  readonly worst: number;
}

/** Disables a domain with 10,000 sessions on one server, and sends requests to the others meanwhile. */
export async function measureMass(
  { scratch, environment }: World,
  servers: readonly Server[],
): Promise<{ took: number; heldUp: HeldUp[] }> {
  const [here, there, elsewhere] = servers.map(({ url }) => url) as [string, string, string];
  const { authorization } = await logIn(here, superadminOf(1), users + 1);
  const bystander = await logIn(there, emailOf(1), 1);
  const ending = await authorizationsOf(environment, await openSessions(scratch.url, 1_000));
  const id = encodeGlobalID('Domain', await fill(scratch.url));
  let next = 0;
  const probes = {
    me: () => send(there, '{ me { id email } }', {}, { authorization: bystander.authorization }),
    login: () => logIn(elsewhere, emailOf(2), 2),
    'another revocation': () => send(there, 'mutation { logout { ended } }', {}, { authorization: ending[next++] ?? '' }),
  };
  const asked = Object.entries(probes).map(([name, probe]) => ({ name, times: [] as { from: number; to: number }[], probe }));
  let isOver = false;
  const asking = asked.map(async ({ times, probe }) => {
    for (; !isOver; await sleep(5)) {
      const from = performance.now();
      await probe();
      times.push({ from, to: performance.now() });
    }
  });
  await sleep(1_500);
  const begun = performance.now();
  await send(here, 'mutation ($id: ID!) { updateDomain(input: { id: $id, active: false }) { __typename } }', { id }, { authorization });
  const ended = performance.now();
  await sleep(500);
  isOver = true;
  await Promise.all(asking);
  const heldUp = asked.map(({ name, times }) => {
    const took = (some: typeof times) => sorted(some.map(({ from, to }) => to - from));
    const before = took(times.filter(({ to }) => to < begun).slice(3));
    return { name, calm: quantile(before, 0.5), worst: took(times.filter(({ from, to }) => to > begun && from < ended)).at(-1) ?? 0 };
  });
  return { took: ended - begun, heldUp };
}

/** A domain of this name with 10,000 sessions; returns its id. */
async function fill(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ id: string }>(`insert into "Domain" (name, "displayName") values ('mass', 'Mass') returning id`);
  await client.end();
  await openSessions(url, users, 'mass');
  return rows[0]?.id ?? '';
}
