import { userInfo } from 'node:os';
import pg from 'pg';
import { hashPassword } from '../src/identity/credentials/password-hash.ts';

export const password = 'one password for all of them';
export const users = 10_000;
const superadmins = 240;
export const emailOf = (index: number) => `user${index}@bench.test`;
export const superadminOf = (index: number) => `super${index}@bench.test`;
export const adminEmail = 'admin@bench.test';

/** A temporary database for this run. */
export interface Scratch {
  readonly url: string;
  seed(): Promise<void>;
  /** Fills the fields of users that have a value only once they are used, and adds a platform administrator. */
  seedAccess(): Promise<void>;
  /** Lets the sessions be refreshed without limit. The statement does the same work as below the limit. */
  unlimitRefreshes(): Promise<void>;
  /** The processes of the server that serve this database; none if it runs elsewhere. */
  backends(): Promise<number[]>;
  drop(): Promise<void>;
}

/** Creates a database on the server that BENCH_DATABASE_URL or DATABASE_URL names. Throws an error that says what to do. */
export async function openScratch(): Promise<Scratch> {
  const given = process.env.BENCH_DATABASE_URL ?? process.env.DATABASE_URL ?? 'postgresql://127.0.0.1:5432/postgres';
  const server = new URL(given);
  server.username ||= userInfo().username;
  const admin = new pg.Client({ connectionString: server.href });
  await admin.connect().catch((error: Error) => {
    throw new Error(`No PostgreSQL answers at ${server.host} (${error.message}). Set BENCH_DATABASE_URL to one that may create databases.`);
  });
  const name = `fieldgate_bench_${process.pid}`;
  await admin.query(`create database ${name}`);
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  const isNear = ['127.0.0.1', 'localhost', '[::1]'].includes(server.hostname);
  return {
    url,
    seed: () => seed(url),
    seedAccess: () => seedAccess(url),
    unlimitRefreshes: () => unlimitRefreshes(url),
    backends: async () => {
      const { rows } = await admin.query<{ pid: number }>('select pid from pg_stat_activity where datname = $1', [name]);
      return isNear ? rows.map(({ pid }) => pid) : [];
    },
    drop: async () => {
      await admin.query(`drop database if exists ${name} with (force)`);
      await admin.end();
    },
  };
}

async function unlimitRefreshes(url: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`update "Token" set "recentRefreshes" = -1000000000, "refreshWindowAt" = now() + interval '1 day'`);
  await client.end();
}

/** 10,000 users with one global grant and one in each of two out of 100 domains, and superadmins; all with the same password. */
async function seed(url: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const hash = await hashPassword(password);
  await client.query(`
    insert into "Domain" (name, "displayName") select 'domain-' || i, 'Domain ' || i from generate_series(1, 100) i;
    insert into "Role" (name, description, permissions) values ('EDITOR', 'Edits.', '{users:read}');
    insert into "User" (email, "emailKey", "emailConfirmedAt", "displayName")
      select address, address, now(), 'User ' || i from generate_series(1, ${users}) i, lateral (select 'user' || i || '@bench.test' as address) a;
    insert into "User" (email, "emailKey", "emailConfirmedAt", "displayName")
      select address, address, now(), 'Super ' || i from generate_series(1, ${superadmins}) i, lateral (select 'super' || i || '@bench.test' as address) a;
    insert into "RoleGrant" ("userId", "roleId", "domainId")
      select u.id, r.id, d.id from generate_series(1, ${users}) i join "User" u on u."emailKey" = 'user' || i || '@bench.test'
      join lateral (values ('USER', null), ('USER', i % 100 + 1), ('EDITOR', (7 * i + 3) % 100 + 1)) as held (role, domain) on true
      join "Role" r on r.name = held.role left join "Domain" d on d.name = 'domain-' || held.domain;
    insert into "RoleGrant" ("userId", "roleId")
      select u.id, r.id from "User" u, "Role" r where u."emailKey" like 'super%' and r.name = 'SUPERADMIN'`);
  await client.query('insert into "Password" ("userId", hash) select id, $1 from "User"', [hash]);
  // Old sessions, so that no statement is planned for almost empty tables.
  await client.query(`
    insert into "Token" (kind, "userId", scopes, "lastUsedAt", "expiresAt", "idleExpiresAt")
      select 'SESSION', id, '{}', now(), now() + interval '30 d', now() + interval '14 d' from "User";
    insert into "TokenSecret" (hash, "tokenId", "usedAt")
      select sha256(convert_to(id::text || i, 'UTF8')), id, case when i < 3 then now() end from "Token", generate_series(1, 3) i;
    insert into "RateLimit" (key, count, "expiresAt") select 'passwordByNetwork:' || i, 1, now() from generate_series(1, ${users}) i`);
  await client.query('vacuum analyze');
  await client.end();
}

async function seedAccess(url: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`
    update "User" set phone = '+41 44 000 00 00', address = 'Long Street 1\n8000 Zurich', "loginCount" = 3, "currentLoginAt" = now(),
      "currentLoginFrom" = '10.0.0.1', "lastLoginAt" = now() - interval '1 d', "lastLoginFrom" = '10.0.0.2';
    insert into "User" (email, "emailKey", "emailConfirmedAt", "displayName") values ('${adminEmail}', '${adminEmail}', now(), 'Admin');
    insert into "RoleGrant" ("userId", "roleId") select u.id, r.id from "User" u, "Role" r where u."emailKey" = '${adminEmail}' and r.name = 'ADMIN';
    insert into "Password" ("userId", hash)
      select u.id, (select hash from "Password" limit 1) from "User" u where u."emailKey" = '${adminEmail}'`);
  await client.query('vacuum analyze');
  await client.end();
}
