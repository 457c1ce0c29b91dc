import { deepEqual } from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { addressOf, ask, startChild } from './children.ts';
import type { Call, Job, Loaded } from './load.ts';
import type { Measured } from './measured.ts';
import type { Side } from './rounds.ts';
import { emailOf, password, superadminOf, users } from './temp-database.ts';
import { addressFor, logIn, logInUsers, loginDocument, type Server, send, type World } from './world.ts';

/** The two sides of each comparison, by name. */
export type Workload = (world: World, load: ChildProcess, limit: ChildProcess) => Promise<{ ours: Side; limit: Side }>;

/** Number of concurrent requests. */
export const connections = 32;
/** The operations of each user. */
export const user = 'id email displayName roles { role { name } domain { name } }';
export const documents = {
  me: `query Me { me { ${user} } }`,
  list: (size: number) => `query List { users(first: ${size}) { edges { node { ${user} } } } }`,
  login: loginDocument,
  refresh: 'mutation Refresh($input: RefreshInput!) { refresh(input: $input) { accessToken expiresAt refreshToken } }',
};

export const workloads = { me, list, login, refresh } satisfies Record<string, Workload>;

export const startLimit = (environment: NodeJS.ProcessEnv) => startChild('measured', join(import.meta.dirname, 'baseline.ts'), environment);

async function me(world: World, load: ChildProcess, limit: ChildProcess) {
  const entered = await logInUsers(world.server.url, connections);
  const requests = entered.map(({ authorization }) => ({ body: JSON.stringify({ query: documents.me }), authorization }));
  return reading(world, load, limit, '/me', requests);
}

async function list(world: World, load: ChildProcess, limit: ChildProcess) {
  const { authorization } = await logIn(world.server.url, superadminOf(1), users + 1);
  return reading(world, load, limit, '/list', [{ body: JSON.stringify({ query: documents.list(50) }), authorization }]);
}

/** Both sides get the same requests and have to return the same. */
async function reading(world: World, load: ChildProcess, limit: ChildProcess, path: string, requests: readonly Call[]) {
  const address = limitAddresses.get(limit) ?? (await addressOf(limit));
  limitAddresses.set(limit, address);
  const [first] = requests;
  const { query } = JSON.parse(first?.body ?? '');
  const headers = { authorization: first?.authorization ?? '' };
  deepEqual(await send(world.server.url, query, {}, headers), await send(address + path, query, {}, headers));
  return { ours: sideOf(load, world.server, requests), limit: sideOf(load, { url: address + path, child: limit }, requests) };
}

/** A server under these requests. */
export const sideOf = (load: ChildProcess, { url, child }: Server, requests: readonly Call[]): Side => ({
  child,
  run: (milliseconds) => ask<Measured>(load, { url, milliseconds, connections, requests } satisfies Job),
});

const limitAddresses = new WeakMap<ChildProcess, string>();

async function login(world: World, load: ChildProcess) {
  const all = Array.from({ length: users }, (_, index) => ({
    body: JSON.stringify({ query: documents.login, variables: { input: { email: emailOf(index + 1), password } } }),
    from: addressFor(index + 1),
  }));
  let used = connections; // the first ones are used by other workloads
  const run = async (milliseconds: number) => {
    const requests = [...all.slice(used % users), ...all.slice(0, used % users)];
    const loaded = await ask<Loaded>(load, { url: world.server.url, milliseconds, connections, requests } satisfies Job);
    used += loaded.next;
    return loaded;
  };
  const raw = startChild('measured', join(import.meta.dirname, 'baseline-login.ts'), {});
  return {
    ours: { child: world.server.child, run },
    limit: { child: raw, run: (milliseconds: number) => ask<Measured>(raw, { milliseconds }) },
  };
}

/** Both sides refresh the same sessions, one after the other. */
async function refresh(world: World, load: ChildProcess, limit: ChildProcess) {
  const address = limitAddresses.get(limit) ?? (await addressOf(limit));
  limitAddresses.set(limit, address);
  let chains: readonly string[] = (await logInUsers(world.server.url, connections)).map(({ refreshToken }) => refreshToken);
  await world.scratch.unlimitRefreshes();
  const body = JSON.stringify({ query: documents.refresh, variables: { input: { refreshToken: '$$' } } });
  const side = (url: string, child: ChildProcess): Side => ({
    child,
    run: async (milliseconds) => {
      const requests = chains.map((chain) => ({ body, chain }));
      const loaded = await ask<Loaded>(load, { url, milliseconds, connections, requests, chained: 'refreshToken' } satisfies Job);
      chains = loaded.chains;
      return loaded;
    },
  });
  return { ours: side(world.server.url, world.server.child), limit: side(`${address}/refresh`, limit) };
}
