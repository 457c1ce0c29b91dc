import { deepEqual } from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { stopChild } from './children.ts';
import type { Call } from './load.ts';
import type { Side } from './rounds.ts';
import { adminEmail, superadminOf, users } from './temp-database.ts';
import { connections, sideOf, user } from './workloads.ts';
import { logIn, logInUsers, type Server, send, startServer, type World } from './world.ts';

/** One query on both servers. `target` is the maximum additional cost. */
export interface AccessCase {
  readonly name: string;
  readonly ours: Side;
  readonly limit: Side;
  readonly target?: number;
}

const preload = new URL('./without-access.ts', import.meta.url).href;
const ruled = 'email phone address loginCount currentLoginAt currentLoginFrom lastLoginAt lastLoginFrom';
const viewerAccess = 'viewerAccess { readable writable operations { name allowed } }';
const list = (fields: string) => `query List { users(first: 50) { edges { node { id ${fields} } } } }`;
const makeToken = 'mutation Make { createApiToken(input: { description: "for roles alone", scopes: ["roles:read"] }) { secret } }';
const documents = {
  me: `query Me { me { ${user} loginCount currentLoginAt lastLoginAt } }`,
  list: list(ruled),
  viewerAccess: list(`${ruled} ${viewerAccess}`),
};

/** Starts a second server without access enforcement, for `work` with both. `flags` are passed to Node.js. */
export async function withAccessCases<T>(
  world: World,
  load: ChildProcess,
  work: (cases: readonly AccessCase[]) => Promise<T>,
  flags: readonly string[] = [],
): Promise<T> {
  await world.scratch.seedAccess();
  const open = await startServer(world.environment, ['--import', preload, ...flags]);
  try {
    const superadmin = await logIn(world.server.url, superadminOf(4), users + 4);
    const admin = await logIn(world.server.url, adminEmail, users + 200);
    await proveOpen(world.server, open, superadmin, admin);
    return await work(await casesOf(world.server, open, load, superadmin, admin));
  } finally {
    await stopChild(open.child);
  }
}

type Entered = Awaited<ReturnType<typeof logIn>>;

/** Throws unless one server denies and the other returns a root field, a type and a field; both must have the same rules. */
async function proveOpen(closed: Server, open: Server, { authorization }: Entered, admin: Entered) {
  const { me } = await send<{ me: { id: string } }>(closed.url, '{ me { id } }', {}, { authorization });
  const { createApiToken } = await send<{ createApiToken: { secret: string } }>(closed.url, makeToken, {}, { authorization });
  const bounded = `Bearer ${createApiToken.secret}`;
  const denied = [
    ['{ users(first: 1) { totalCount } }', {}, bounded],
    ['{ me { displayName } }', {}, bounded],
    ['query Closer($id: ID!) { user(id: $id) { loginCount } }', { id: me.id }, admin.authorization],
  ] as const;
  for (const [query, variables, authorization] of denied) {
    const fault = (url: string) => faultOf(send(url, query, variables, { authorization }));
    if (!(await fault(closed.url))?.includes('"FORBIDDEN"')) throw new Error(`The server does not forbid what its rules deny: ${query}`);
    const refused = await fault(open.url);
    if (refused) throw new Error(`Without the access plugin the server still refuses, so that there is nothing to compare: ${refused}`);
  }
  await answerAlike(closed, open, { authorization, body: JSON.stringify({ query: '{ accessRules { coordinate rule } }' }) });
}

const faultOf = (sent: Promise<unknown>) =>
  sent.then(
    () => null,
    (error: Error) => error.message,
  );

async function answerAlike(one: Server, other: Server, { body, authorization = '' }: Call) {
  const { query } = JSON.parse(body);
  deepEqual(await send(one.url, query, {}, { authorization }), await send(other.url, query, {}, { authorization }));
}

async function casesOf(closed: Server, open: Server, load: ChildProcess, superadmin: Entered, admin: Entered): Promise<AccessCase[]> {
  const people = await logInUsers(closed.url, connections);
  const asked = (query: string, ...by: readonly Entered[]): Call[] =>
    by.map(({ authorization }) => ({ body: JSON.stringify({ query }), authorization }));
  const compared = async (name: string, requests: readonly Call[], target: number): Promise<AccessCase> => {
    for (const request of requests) await answerAlike(closed, open, request);
    return { name, ours: sideOf(load, closed, requests), limit: sideOf(load, open, requests), target };
  };
  const cases = [
    await compared('me', asked(documents.me, ...people), 0.1),
    await compared('list by a superadmin', asked(documents.list, superadmin), 0.15),
    await compared('list by an admin', asked(documents.list, admin), 0.15),
  ];
  if (!(await hasViewerAccess(closed, superadmin))) return cases;
  const toBare = (by: Entered): AccessCase => ({
    name: 'the same, to the list without it',
    ours: sideOf(load, closed, asked(documents.viewerAccess, by)),
    limit: sideOf(load, closed, asked(documents.list, by)),
  });
  return [
    ...cases,
    await compared('viewerAccess by a superadmin', asked(documents.viewerAccess, superadmin), 0.15),
    toBare(superadmin),
    await compared('viewerAccess by an admin', asked(documents.viewerAccess, admin), 0.15),
    toBare(admin),
  ];
}

async function hasViewerAccess({ url }: Server, { authorization }: Entered) {
  const fault = await faultOf(send(url, documents.viewerAccess, {}, { authorization }));
  if (fault && !fault.includes('Cannot query field')) throw new Error(fault);
  if (fault) console.log('The list with viewerAccess is left out: the schema has no such field.');
  return !fault;
}
