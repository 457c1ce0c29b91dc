import { randomInt, randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { ask, globalId, type Told } from './ask.ts';
import { logIn, makePeople, type Person, type Session } from './fixtures.ts';
import type { Node } from './node.ts';

/** What operations need. */
export interface Stage {
  readonly pool: Pool;
  readonly nodes: readonly Node[];
  /** API tokens of superadmins. Mutations of one user are serialized, so there are several. */
  readonly admins: readonly string[];
}

/** An operation that revokes tokens. */
export interface Verb {
  readonly name: string;
  /** The sessions that it revokes, all or none. */
  readonly sids: readonly string[];
  /** Those whose tokens are known. */
  readonly sessions: readonly Session[];
  /** Sends the operation, once or several times concurrently. */
  ask(): Promise<Told>[];
  /** What else the same transaction writes: a statement that returns whether it is there, by id. */
  readonly beside?: { readonly text: string; readonly id: string };
}

/** Creates sessions, and returns the operations that will revoke them; each has its own users. */
export async function prepareVerbs(stage: Stage): Promise<Verb[]> {
  const people = await makePeople(stage.pool, Array(9).fill('USER'));
  const sessions = await Promise.all(people.flatMap((person) => [person, person].map((one) => logIn(anyOf(stage.nodes), one))));
  const held = people.map((person, index) => ({ person, sessions: sessions.slice(2 * index, 2 * index + 2) }));
  const small = makers.map((make, index) => held[index] && make(stage, held[index].person, held[index].sessions));
  const many = [await burst(stage), randomInt(3) === 0 ? [await shutDomain(stage)] : []].flat();
  return [...small.filter((one) => one !== undefined), ...many];
}

const anyOf = <T>(all: readonly T[]) => all[randomInt(all.length)] as T;

const logout = 'mutation { logout { ended } }';
const revokeToken = 'mutation ($id: ID!) { revokeToken(input: { id: $id }) { changed } }';
const everywhere = 'mutation { logoutEverywhere(input: {}) { ended } }';
const disable = 'mutation ($id: ID!) { disableUser(input: { id: $id }) { changed } }';

type Make = (stage: Stage, person: Person, sessions: readonly Session[]) => Verb | undefined;

const loggingOut: Make = ({ nodes }, _, [session]) =>
  session && { name: 'logout', ...ending([session]), ask: () => [ask(anyOf(nodes), logout, {}, session.accessToken)] };

const revokingOwn: Make = ({ nodes }, _, [session, other]) =>
  session && {
    name: 'revokeToken by its owner',
    ...ending([session]),
    ask: () => [ask(anyOf(nodes), revokeToken, { id: globalId('Token', session.sid) }, other?.accessToken)],
  };

const revokingForeign: Make = ({ nodes, admins }, _, [session]) =>
  session && {
    name: 'revokeToken by an administrator',
    ...ending([session]),
    ask: () => [ask(anyOf(nodes), revokeToken, { id: globalId('Token', session.sid) }, anyOf(admins))],
  };

const loggingOutEverywhere: Make = ({ nodes }, _, sessions) => ({
  name: 'logoutEverywhere',
  ...ending(sessions),
  ask: () => [ask(anyOf(nodes), everywhere, {}, sessions[0]?.accessToken)],
});

const disabling: Make = ({ nodes, admins }, person, sessions) => ({
  name: 'disableUser',
  ...ending(sessions),
  ask: () => [ask(anyOf(nodes), disable, { id: globalId('User', person.id) }, anyOf(admins))],
  beside: { text: 'select not enabled as done from "User" where id = $1', id: person.id },
});

/** The same session, revoked on every node concurrently. */
const racing: Make = ({ nodes, admins }, _, [session]) =>
  session && {
    name: 'logout and revokeToken at once',
    ...ending([session]),
    ask: () => [
      ...nodes.map((node, index) => ask(node, revokeToken, { id: globalId('Token', session.sid) }, admins[index])),
      ask(anyOf(nodes), logout, {}, session.accessToken),
    ],
  };

const makers = [loggingOut, revokingOwn, revokingForeign, loggingOutEverywhere, disabling, racing, loggingOut, disabling, revokingForeign];

const ending = (sessions: readonly Session[]) => ({ sessions, sids: sessions.map(({ sid }) => sid) });

/** Sessions without known tokens, revoked by as many concurrent commits. */
async function burst({ pool, nodes, admins }: Stage): Promise<Verb[]> {
  const [person] = await makePeople(pool, ['USER']);
  const sids = await openUnheld(pool, 2 * admins.length, person?.id);
  return sids.map((sid, index) => ({
    name: 'revokeToken among many',
    sids: [sid],
    sessions: [],
    ask: () => [ask(anyOf(nodes), revokeToken, { id: globalId('Token', sid) }, admins[index % admins.length])],
  }));
}

async function openUnheld(pool: Pool, count: number, userId: string | undefined, domainId: string | null = null): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `insert into "Token" (kind, "userId", "domainId", "lastUsedAt", "expiresAt", "idleExpiresAt")
     select 'SESSION', $1, $2, now(), now() + interval '1 d', now() + interval '1 d' from generate_series(1, $3::int) returning id`,
    [userId, domainId, count],
  );
  return rows.map(({ id }) => id);
}

/** A domain with hundreds of sessions; the tokens of two are known. */
async function shutDomain({ pool, nodes, admins }: Stage): Promise<Verb> {
  const name = `soak-${randomUUID()}`;
  const { rows } = await pool.query<{ id: string }>('insert into "Domain" (name, "displayName") values ($1, $1) returning id', [name]);
  const id = rows[0]?.id ?? '';
  const people = await makePeople(pool, ['USER', 'USER'], id);
  const sessions = await Promise.all(people.map((person) => logIn(anyOf(nodes), person, name)));
  const sids = [...sessions.map(({ sid }) => sid), ...(await openUnheld(pool, randomInt(50, 600), people[0]?.id, id))];
  const [verb, document, text] = anyOf(shuttings);
  const asking = () => [ask(anyOf(nodes), document, { id: globalId('Domain', id) }, anyOf(admins))];
  return { name: verb, sids, sessions, ask: asking, beside: { text, id } };
}

const shuttings = [
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
