import { randomInt, randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { type Account, createAccounts, logIn, type Session } from './fixtures.ts';
import type { Node } from './node.ts';
import { globalId, type OperationResponse, sendOperation } from './send-operation.ts';

/** What commands run on. */
export interface CommandContext {
  readonly pool: Pool;
  readonly nodes: readonly Node[];
  /** API tokens of superadmins. The writes of one account are serialized, so there are several. */
  readonly admins: readonly string[];
}

/** A command that revokes tokens, ready to be sent. */
export interface Command {
  readonly name: string;
  /** The sessions that it revokes, all or none. */
  readonly sids: readonly string[];
  /** Those of them with known tokens. */
  readonly sessions: readonly Session[];
  /** Sends it once, or several times concurrently. */
  send(): Promise<OperationResponse>[];
  /** Another write of the same transaction: a query by id for whether it is there. */
  readonly sideEffect?: { readonly text: string; readonly id: string };
}

/** Opens sessions, and returns the commands that will revoke them. Each command has its own accounts. */
export async function prepareCommands(context: CommandContext): Promise<Command[]> {
  const accounts = await createAccounts(context.pool, Array(9).fill('USER'));
  const sessions = await Promise.all(accounts.flatMap((account) => [account, account].map((one) => logIn(anyOf(context.nodes), one))));
  const held = accounts.map((account, index) => ({ account, sessions: sessions.slice(2 * index, 2 * index + 2) }));
  const small = commandFactories.map((make, index) => held[index] && make(context, held[index].account, held[index].sessions));
  const many = [await burst(context), randomInt(3) === 0 ? [await closeDomain(context)] : []].flat();
  return [...small.filter((one) => one !== undefined), ...many];
}

const anyOf = <T>(all: readonly T[]) => all[randomInt(all.length)] as T;

const logout = 'mutation { logout { ended } }';
const revokeToken = 'mutation ($id: ID!) { revokeToken(input: { id: $id }) { changed } }';
const everywhere = 'mutation { logoutEverywhere(input: {}) { ended } }';
const disable = 'mutation ($id: ID!) { disableUser(input: { id: $id }) { changed } }';

type CommandFactory = (context: CommandContext, account: Account, sessions: readonly Session[]) => Command | undefined;

const loggingOut: CommandFactory = ({ nodes }, _, [session]) =>
  session && { name: 'logout', ...ending([session]), send: () => [sendOperation(anyOf(nodes), logout, {}, session.accessToken)] };

const revokingOwn: CommandFactory = ({ nodes }, _, [session, other]) =>
  session && {
    name: 'revokeToken by its owner',
    ...ending([session]),
    send: () => [sendOperation(anyOf(nodes), revokeToken, { id: globalId('Token', session.sid) }, other?.accessToken)],
  };

const revokingForeign: CommandFactory = ({ nodes, admins }, _, [session]) =>
  session && {
    name: 'revokeToken by an administrator',
    ...ending([session]),
    send: () => [sendOperation(anyOf(nodes), revokeToken, { id: globalId('Token', session.sid) }, anyOf(admins))],
  };

const loggingOutEverywhere: CommandFactory = ({ nodes }, _, sessions) => ({
  name: 'logoutEverywhere',
  ...ending(sessions),
  send: () => [sendOperation(anyOf(nodes), everywhere, {}, sessions[0]?.accessToken)],
});

const disabling: CommandFactory = ({ nodes, admins }, account, sessions) => ({
  name: 'disableUser',
  ...ending(sessions),
  send: () => [sendOperation(anyOf(nodes), disable, { id: globalId('User', account.id) }, anyOf(admins))],
  sideEffect: { text: 'select not enabled as done from "User" where id = $1', id: account.id },
});

/** The same session, revoked at every node concurrently. */
const racing: CommandFactory = ({ nodes, admins }, _, [session]) =>
  session && {
    name: 'logout and revokeToken at once',
    ...ending([session]),
    send: () => [
      ...nodes.map((node, index) => sendOperation(node, revokeToken, { id: globalId('Token', session.sid) }, admins[index])),
      sendOperation(anyOf(nodes), logout, {}, session.accessToken),
    ],
  };

const commandFactories = [
  loggingOut,
  revokingOwn,
  revokingForeign,
  loggingOutEverywhere,
  disabling,
  racing,
  loggingOut,
  disabling,
  revokingForeign,
];

const ending = (sessions: readonly Session[]) => ({ sessions, sids: sessions.map(({ sid }) => sid) });

/** Sessions without known tokens, revoked by as many concurrent commits. */
async function burst({ pool, nodes, admins }: CommandContext): Promise<Command[]> {
  const [account] = await createAccounts(pool, ['USER']);
  const sids = await insertSessions(pool, 2 * admins.length, account?.id);
  return sids.map((sid, index) => ({
    name: 'revokeToken among many',
    sids: [sid],
    sessions: [],
    send: () => [sendOperation(anyOf(nodes), revokeToken, { id: globalId('Token', sid) }, admins[index % admins.length])],
  }));
}

async function insertSessions(pool: Pool, count: number, userId: string | undefined, domainId: string | null = null): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `insert into "Token" (kind, "userId", "domainId", "lastUsedAt", "expiresAt", "idleExpiresAt")
     select 'SESSION', $1, $2, now(), now() + interval '1 d', now() + interval '1 d' from generate_series(1, $3::int) returning id`,
    [userId, domainId, count],
  );
  return rows.map(({ id }) => id);
}

/** A domain with hundreds of sessions; the tokens of two are known. */
async function closeDomain({ pool, nodes, admins }: CommandContext): Promise<Command> {
  const name = `soak-${randomUUID()}`;
  const { rows } = await pool.query<{ id: string }>('insert into "Domain" (name, "displayName") values ($1, $1) returning id', [name]);
  const id = rows[0]?.id ?? '';
  const accounts = await createAccounts(pool, ['USER', 'USER'], id);
  const sessions = await Promise.all(accounts.map((account) => logIn(anyOf(nodes), account, name)));
  const sids = [...sessions.map(({ sid }) => sid), ...(await insertSessions(pool, randomInt(50, 600), accounts[0]?.id, id))];
  const [command, document, text] = anyOf(domainClosings);
  const send = () => [sendOperation(anyOf(nodes), document, { id: globalId('Domain', id) }, anyOf(admins))];
  return { name: command, sids, sessions, send, sideEffect: { text, id } };
}

const domainClosings = [
  [
    'updateDomain',
    'mutation ($id: ID!) { updateDomain(input: { id: $id, active: false }) { domain { id } } }',
    'select not active as done from "Domain" where id = $1',
  ],
  [
    'deleteDomain',
    'mutation ($id: ID!) { deleteDomain(input: { id: $id }) { deletedId } }',
    'select not exists (select 1 from "Domain" where id = $1) as done',
  ],
] as const;
