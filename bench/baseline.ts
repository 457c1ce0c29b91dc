import { createHmac, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { readConfig } from '../src/config.ts';
import { loadConfiguredKeys } from '../src/identity/keys/configured-keys.ts';
import type { KeyPair } from '../src/identity/keys/key-pair.ts';
import { signAccessToken, verifyAccessToken } from '../src/identity/tokens/access-token.ts';
import { hashToken } from '../src/identity/tokens/opaque-token.ts';

// Baseline: the fastest way to produce the same responses in Node.js, with one statement each.

const config = readConfig();
const configured = await loadConfiguredKeys(config);
const secret = configured.secret('refresh');
const [pair] = configured.pairs as [KeyPair];
const keys = { signing: { kid: pair.kid, key: pair.private }, verifying: new Map([[pair.kid, pair.public]]), reportUnknownKey: () => {} };
const pool = new pg.Pool({ connectionString: config.DATABASE_URL, max: config.DATABASE_POOL });

const session = `from "Token" t join "User" u on u.id = t."userId" left join "Domain" home on home.id = t."domainId"
  where t.id = $1 and t."revokedAt" is null and t."expiresAt" > now() and u.enabled and coalesce(home.active, true)`;

const held = `join "RoleGrant" g on g."userId" = p.id and (g."expiresAt" is null or g."expiresAt" > now())
  join "Role" r on r.id = g."roleId" left join "Domain" d on d.id = g."domainId"`;

const columns = 'p.id, p.email, p."displayName", r.name as role, d.name as domain';

// Flat rows cost less here, in database and Node.js together, than nested JSON.
const answers = {
  '/me': {
    text: `select ${columns} from (select u.* ${session}) p ${held} where coalesce(d.active, true) order by g.id`,
    toData: ([me]: object[]) => me && { me },
  },
  '/list': {
    text: `select ${columns} from (select * from "User" where exists (select 1 ${session} and exists (
        select 1 from "RoleGrant" g join "Role" r on r.id = g."roleId" where g."userId" = u.id and g."domainId" is null
          and (g."expiresAt" is null or g."expiresAt" > now()) and r.name in ('ADMIN', 'SUPERADMIN'))) order by id limit 50) p
      ${held} where coalesce(d.active, true) order by p.id, g.id`,
    toData: (page: object[]) => page[0] && { users: { edges: page.map((node) => ({ node })) } },
  },
};

interface Line {
  id: string;
  email: string;
  displayName: string;
  role: string;
  domain: string | null;
}

/** Users with their roles, from one row for each role. */
function nested(lines: readonly Line[]): object[] {
  const found: { roles: object[] }[] = [];
  let last: string | undefined;
  for (const { id, email, displayName, role, domain } of lines) {
    if (id !== last) found.push({ id: Buffer.from(`User:${id}`).toString('base64'), email, displayName, roles: [] } as { roles: object[] });
    found.at(-1)?.roles.push({ role: { name: role }, domain: domain === null ? null : { name: domain } });
    last = id;
  }
  return found;
}

async function read(path: keyof typeof answers, request: IncomingMessage) {
  const { text, toData } = answers[path];
  const { sid, exp } = await verifyAccessToken({ config, keys }, request.headers.authorization?.slice('Bearer '.length) ?? '');
  if (exp <= Date.now() / 1000) throw new Error('expired');
  return toData(nested((await pool.query({ name: path, text, values: [sid] })).rows));
}

const rotation = `
  with spent as (
    update "TokenSecret" set "usedAt" = now(), nonce = $3 where hash = $1 and "usedAt" is null returning "tokenId"
  ), family as (
    update "Token" t set "lastUsedAt" = now(), "idleExpiresAt" = now() + $4::float8 * interval '1 ms' from "User" u
    where t.id = (select "tokenId" from spent) and u.id = t."userId" and u.enabled and t.kind = 'SESSION'
      and t."revokedAt" is null and t."expiresAt" > now() and t."idleExpiresAt" > now()
    returning t.id, t."userId", t."authenticatedAt", t."expiresAt", t."idleExpiresAt", now() as now
  ), successor as (
    insert into "TokenSecret" (hash, "tokenId", "parentHash") select $2, id, $1 from family
  )
  select * from family`;

async function rotate(request: IncomingMessage) {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const { refreshToken } = JSON.parse(String(Buffer.concat(chunks))).variables.input;
  const nonce = randomBytes(32);
  const next = `fgr_${createHmac('sha256', secret).update(nonce).update(refreshToken).digest('base64url')}`;
  const values = [hashToken(refreshToken), hashToken(next), nonce, config.REFRESH_TOKEN_IDLE];
  const [family] = (await pool.query({ name: 'rotation', text: rotation, values })).rows;
  return family && { refresh: { ...(await signAccessToken({ config, keys }, family)), refreshToken: next } };
}

const server = createServer((request, response) => {
  const path = request.url as keyof typeof answers | '/refresh';
  if (path !== '/refresh') request.resume();
  (path === '/refresh' ? rotate(request) : read(path, request)).then(
    (data) => {
      const body = JSON.stringify(data ? { data } : { errors: [{ message: 'no' }] });
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
    },
    () => response.writeHead(401).end(),
  );
});
server.listen(0, '127.0.0.1', () => console.log(`The limit listens at http://127.0.0.1:${(server.address() as AddressInfo).port}`));
process.once('SIGTERM', () => process.exit(0)).once('disconnect', () => process.exit(0));
