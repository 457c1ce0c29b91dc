import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { hashPassword } from '../src/identity/credentials/password-hash.ts';
import { sendOperation } from './send-operation.ts';

const password = 'horses of the correct battery';
const hash = await hashPassword(password);

export interface Account {
  readonly id: string;
  readonly email: string;
}

/** An open session and its tokens. */
export interface Session {
  readonly sid: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** Creates an account for each role, with a grant of that role: for the platform, or in the domain. */
export async function createAccounts(pool: Pool, roles: readonly string[], domainId: string | null = null): Promise<Account[]> {
  const { rows } = await pool.query<Account>(
    `with accounts as (
       insert into "User" (email, "emailKey", "emailConfirmedAt", "displayName")
       select address, address, now(), 'Soak user' from unnest($1::text[]) address returning id, email
     ), passwords as (insert into "Password" ("userId", hash) select id, $2 from accounts
     ), grants as (
       insert into "RoleGrant" ("userId", "roleId", "domainId")
       select p.id, r.id, $4 from accounts p join unnest($1::text[], $3::text[]) as held (email, role) using (email) join "Role" r on r.name = held.role
     ) select id, email from accounts order by array_position($1::text[], email::text)`,
    [roles.map(() => `${randomUUID()}@soak.test`), hash, roles, domainId],
  );
  return rows;
}

/** Opens a session; tries up to three times if the server is overloaded. */
export async function logIn(node: { url: string }, account: Account, domain?: string, left = 2): Promise<Session> {
  const { email } = account;
  const { data, code } = await sendOperation(
    node,
    'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken refreshToken token { id } } } }',
    { input: { email, password, domain } },
  );
  if (code === 'UNAVAILABLE' && left > 0) return logIn(node, account, domain, left - 1);
  if (!data) throw new Error(`login failed: ${code}`);
  const { accessToken, refreshToken, token } = data.login;
  return { accessToken, refreshToken, sid: Buffer.from(token.id, 'base64').toString().replace('Token:', '') };
}

/** Creates an API token that does not expire during the run. */
export async function createApiToken(node: { url: string }, account: Account, scopes: readonly string[]): Promise<string> {
  const { accessToken } = await logIn(node, account);
  const { data, code } = await sendOperation(
    node,
    'mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret } }',
    { input: { description: 'soak', scopes } },
    accessToken,
  );
  if (!data) throw new Error(`createApiToken failed: ${code}`);
  return data.createApiToken.secret;
}
