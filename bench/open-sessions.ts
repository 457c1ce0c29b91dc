import pg from 'pg';
import { readConfig } from '../src/config.ts';
import { loadConfiguredKeys } from '../src/identity/keys/configured-keys.ts';
import type { KeyPair } from '../src/identity/keys/key-pair.ts';
import { type IssuingSession, signAccessToken } from '../src/identity/tokens/access-token.ts';

type Opened = IssuingSession;

/** Sessions of ordinary users, at most one each, inserted without a login; entered through the domain if there is one. */
export async function openSessions(url: string, count: number, domain?: string): Promise<Opened[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<Opened>(
    `insert into "Token" (kind, "userId", "domainId", "lastUsedAt", "expiresAt", "idleExpiresAt")
     select 'SESSION', u.id, (select id from "Domain" where name = $2), now(), now() + interval '1 d', now() + interval '1 d'
     from "User" u where u."emailKey" like 'user%' limit $1 returning id, "userId", "authenticatedAt", "expiresAt", "idleExpiresAt", now() as now`,
    [count, domain],
  );
  await client.end();
  return rows;
}

/** The `authorization` headers of sessions, signed with the servers' keys. */
export async function authorizationsOf(environment: NodeJS.ProcessEnv, sessions: readonly Opened[]): Promise<string[]> {
  const config = readConfig(environment);
  const [pair] = (await loadConfiguredKeys(config)).pairs as [KeyPair];
  const keys = { signing: { kid: pair.kid, key: pair.private }, verifying: new Map(), reportUnknownKey: () => {} };
  return Promise.all(sessions.map(async (session) => `Bearer ${(await signAccessToken({ config, keys }, session)).accessToken}`));
}
