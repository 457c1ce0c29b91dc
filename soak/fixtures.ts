import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { hashPassword } from '../src/identity/credentials/password-hash.ts';
import { ask } from './ask.ts';

const password = 'horses of the correct battery';
const hash = await hashPassword(password);

/** A user with an account. */
export interface Person {
  readonly id: string;
  readonly email: string;
}

/** A session with its tokens. */
export interface Session {
  readonly sid: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** Creates one account for each role, globally or in the domain. */
export async function makePeople(pool: Pool, roles: readonly string[], domainId: string | null = null): Promise<Person[]> {
  const { rows } = await pool.query<Person>(
    `with people as (
       insert into "User" (email, "emailKey", "emailConfirmedAt", "displayName")
       select address, address, now(), 'Soak user' from unnest($1::text[]) address returning id, email
     ), passwords as (insert into "Password" ("userId", hash) select id, $2 from people
     ), grants as (
       insert into "RoleGrant" ("userId", "roleId", "domainId")
       select p.id, r.id, $4 from people p join unnest($1::text[], $3::text[]) as held (email, role) using (email) join "Role" r on r.name = held.role
     ) select id, email from people order by array_position($1::text[], email::text)`,
    [roles.map(() => `${randomUUID()}@soak.test`), hash, roles, domainId],
  );
  return rows;
}

/** Creates a session, with up to three attempts while the server is overloaded. Throws its error. */
export async function logIn(node: { url: string }, person: Person, domain?: string, left = 2): Promise<Session> {
  const { email } = person;
  const { data, code } = await ask(
    node,
    'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken refreshToken token { id } } } }',
    { input: { email, password, domain } },
  );
  if (code === 'UNAVAILABLE' && left > 0) return logIn(node, person, domain, left - 1);
  if (!data) throw new Error(`A login failed: ${code}`);
  const { accessToken, refreshToken, token } = data.login;
  return { accessToken, refreshToken, sid: Buffer.from(token.id, 'base64').toString().replace('Token:', '') };
}

/** An API token that outlives the run. */
export async function makeApiToken(node: { url: string }, person: Person, scopes: readonly string[]): Promise<string> {
  const { accessToken } = await logIn(node, person);
  const { data, code } = await ask(
    node,
    'mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret } }',
    { input: { description: 'soak', scopes } },
    accessToken,
  );
  if (!data) throw new Error(`No API token was made: ${code}`);
  return data.createApiToken.secret;
}
