import { randomInt, randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { globalId, type OperationResponse, sendOperation } from '../send-operation.ts';
import type { End, History, Thing } from './history.ts';
import type { Installation } from './installation.ts';

/** A session or API token with what is needed to use it. */
export interface Access extends Thing {
  readonly token: string;
  refreshToken?: string;
}

export interface Account {
  id: string;
  email: string;
  /** The numbers of the passwords that may be the current one: several after a change that was not acknowledged. */
  passwords: Set<number>;
  /** The number of the latest password. */
  latest: number;
  access: Access[];
  links: { readonly thing: Thing; readonly token: string; isUsed: boolean }[];
  readonly ends: { disabled?: End | undefined; grant?: End | undefined };
  /** The rights to administer the second domain that the account was granted, one after another. */
  readonly rights: Thing[];
  /** Whether it has one of them, unless it is being granted or revoked. */
  hasRight: boolean;
  settings: number;
  /** The last setting that was acknowledged. */
  acknowledgedSetting: number;
  /** Serializes the requests that change the state of the account: their order must be known. */
  queue: Promise<unknown>;
}

interface Domain {
  readonly id: string;
  readonly name: string;
  queue: Promise<unknown>;
}

export interface World extends Pick<Installation, 'entrances' | 'emailsTo'> {
  readonly pool: Pool;
  readonly admins: readonly string[];
  readonly accounts: Account[];
  readonly domains: readonly Domain[];
  readonly history: History;
  readonly until: number;
}

/** One of them; undefined if there is none. */
export const anyOf = <T>(all: readonly T[]) => all[randomInt(Math.max(1, all.length))] as T;

/** True in so many of a hundred cases. */
export const chance = (percent: number) => randomInt(100) < percent;

/** Runs the work after what was queued before. */
export function inOrder(of: { queue: Promise<unknown> }, work: () => Promise<unknown>): Promise<unknown> {
  of.queue = of.queue.then(work, work);
  return of.queue;
}

/** Sends an operation to any entrance. */
export async function send(world: World, name: string, query: string, variables: object, token?: string): Promise<OperationResponse> {
  const response = await sendOperation(anyOf(world.entrances), query, variables, token);
  world.history.count(`${name}: ${response.data ? 'ok' : (response.code ?? 'no answer')}`);
  return response;
}

/** Sends a command of an administrator until it is acknowledged; it may be repeated. Undefined if the run is over or it was rejected. */
export async function insist(world: World, name: string, query: string, variables: object): Promise<OperationResponse | undefined> {
  while (performance.now() < world.until) {
    const response = await send(world, name, query, variables, anyOf(world.admins));
    if (response.data) return response;
    if (response.code !== undefined && response.code !== 'UNAVAILABLE') return undefined;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return undefined;
}

export const ofAccount =
  ({ id }: Account) =>
  (thing: Thing) =>
    thing.account === id && (thing.kind === 'session' || thing.kind === 'API token');

/** Adds a row for an account to the database. */
export async function insertAccount(pool: Pool, hash: string, domainId: string): Promise<Account> {
  const email = `${randomUUID()}@history.test`;
  const { rows } = await pool.query<{ id: string }>(
    `with account as (
       insert into "User" (email, "emailKey", "emailConfirmedAt") values ($1, $1, now()) returning id
     ), password as (insert into "Password" ("userId", hash) select id, $2 from account
     ), grants as (
       insert into "RoleGrant" ("userId", "roleId", "domainId")
       select account.id, r.id, d.id from account, "Role" r, (values ($3::uuid), (null)) d (id) where r.name = 'USER'
     ) select id from account`,
    [email, hash, domainId],
  );
  return {
    id: rows[0]?.id ?? '',
    email,
    passwords: new Set([0]),
    latest: 0,
    access: [],
    links: [],
    ends: {},
    rights: [],
    hasRight: false,
    settings: 0,
    acknowledgedSetting: 0,
    queue: Promise.resolve(),
  };
}

export const passwordText = (number: number) => `nine amber foxes fold crane ${number}`;

export const userIdOf = ({ id }: Account) => globalId('User', id);
