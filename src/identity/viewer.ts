import { type Database, preparedStatement, type Sql, sql, type Tx } from '../database/database.ts';
import type { Domain, Role, RoleGrant, Token, User } from '../database/generated/prisma/client.ts';
import type { ErrorCode } from '../errors.ts';

/** A grant in force, with what it grants and where, read as JSON: its dates are text, which the scalar DateTime takes as well. */
export type Grant = RoleGrant & { role: Role; domain: Domain | null };

/** A grant of the viewer; `open` unless its domain, or one above that, is shut. */
export type ViewerGrant = Grant & { readonly open: boolean };

export const ranks = { USER: 0, ADMIN: 1, SUPERADMIN: 2 } as const;

/** Who is asking, as the database had it when last asked: at the start, after a write, for each event. */
export interface Viewer {
  readonly user: User;
  readonly token: Token;
  readonly grants: readonly ViewerGrant[];
  /** The highest rank that a grant without a domain gives. */
  readonly rank: number;
  /** Ids of the active domains in which the viewer is ADMIN, by a grant there or in a domain above. */
  readonly administeredDomainIds: string[];
  /** Ids of the domains above each one in which the viewer is ADMIN, or is permitted something. */
  readonly ancestorIds: Readonly<Record<string, readonly string[]>>;
  /** What the roles held everywhere permit. */
  readonly permissions: ReadonlySet<string>;
  /** What the API token may be used for; null for a session, which has no such bounds. */
  readonly scopes: ReadonlySet<string> | null;
  /** Whether the owner proved who they are a short while ago. */
  readonly recentlyAuthenticated: boolean;
  /** The database's time. */
  readonly now: Date;
}

/** How a caller is looked up: by the session that an access token names, or by the hash of an API token. */
export type Credential = { readonly sid: string } | { readonly hash: Uint8Array };

/** A viewer, why there is none, or undefined when the credential is unknown. */
export type ViewerResult = { readonly viewer: Viewer; readonly refused: ErrorCode | null } | undefined;

interface Line {
  id: string;
  token: Token;
  user: User;
  grants: ViewerGrant[];
  administers: string[];
  lineage: Record<string, string[]>;
  refused: ErrorCode | null;
  fresh: boolean;
  now: Date;
}

/** Reads session, user and rights of many callers in one statement. `freshness` in milliseconds. */
export async function loadViewers(
  db: Pick<Database, 'query'>,
  credentials: readonly Credential[],
  freshness: number,
): Promise<ViewerResult[]> {
  const sids = credentials.flatMap((credential) => ('sid' in credential ? [credential.sid] : []));
  const hashes = credentials.flatMap((credential) => ('hash' in credential ? [credential.hash] : []));
  const found = new Map<string, Line>();
  if (sids.length > 0) for (const line of await db.query<Line>(sessions(freshness, sids))) found.set(line.id, line);
  if (hashes.length > 0) for (const line of await db.query<Line>(apiTokens(freshness, hashes))) found.set(line.id, line);
  return credentials.map((credential) => {
    const line = found.get('sid' in credential ? credential.sid : hex(credential.hash));
    return line && { viewer: toViewer(line), refused: line.refused };
  });
}

/** Reads the viewer again inside a transaction and keeps session, user and grants as they are until it ends (security.md 7.9, 10.2). */
export async function reloadViewerForUpdate(tx: Tx, viewer: Viewer, freshness: number): Promise<ViewerResult> {
  const { id, userId } = viewer.token;
  // Of two writes by one user the second waits here: with a lock that both may hold, each would wait for the other where it writes the row.
  await tx.$queryRaw(sql`select 1 from "User" where id = ${userId}::uuid for no key update`);
  await tx.$queryRaw(sql`select 1 from "Token" where id = ${id}::uuid for no key update`);
  await tx.$queryRaw(sql`select 1 from "RoleGrant" where "userId" = ${userId}::uuid for share`);
  const [line] = await tx.$queryRaw<Line[]>(bySession([id], freshness));
  return line && { viewer: toViewer(line), refused: line.refused };
}

/** A user as one who is signed in with a fresh session, disabled or not; undefined where there is none. `client` is Prisma or a transaction. */
export async function loadUserAsViewer(client: Pick<Tx, '$queryRaw'>, userId: string): Promise<Viewer | undefined> {
  const [line] = await client.$queryRaw<Line[]>(byUser([userId]));
  return line && toViewer(line);
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

// The array comes from a sub-select because its length then is unknown to the planner: it keeps one plan instead of making a new one for
// every request, which took four times as long as the statement itself.
const bySession = (ids: string[], freshness: number) =>
  lines(sql`t.id::text`, sql`"Token" t`, sql`t.id = any((select ${ids}::uuid[])::uuid[])`, freshness);

const byHash = (hashes: Uint8Array[], freshness: number) =>
  lines(
    sql`encode(s.hash, 'hex')`,
    sql`"TokenSecret" s join "Token" t on t.id = s."tokenId" and t.kind = 'API'`,
    sql`s.hash = any((select ${hashes}::bytea[])::bytea[])`,
    freshness,
  );

// What is shut above is shut below.
const isOpen = sql`d.active and (d."parentId" is null or not exists (
  with recursive above as (
    select d."parentId" as id union select p."parentId" from "Domain" p join above on p.id = above.id
  ) select 1 from "Domain" p join above on p.id = above.id where not p.active))`;

const lines = (id: Sql, from: Sql, where: Sql, freshness: number) => sql`
  select ${id} as id, row_to_json(t) as token, row_to_json(u) as "user", now() as now,
    case when t."revokedAt" is not null then 'TOKEN_REVOKED' when t."expiresAt" <= now() then 'TOKEN_EXPIRED'
         when not u.enabled or u."deletedAt" is not null then 'ACCOUNT_DISABLED' when not coalesce(home.active, true) then 'DOMAIN_ACCESS_DENIED' end as refused,
    t.kind = 'SESSION' and t."authenticatedAt" > now() - ${freshness}::float8 * interval '1 ms' as fresh,
    (select coalesce(json_agg(json_build_object('id', g.id, 'userId', g."userId", 'roleId', g."roleId", 'domainId', g."domainId",
        'grantedById', g."grantedById", 'delegable', g.delegable, 'throughId', g."throughId", 'expiresAt', g."expiresAt",
        'createdAt', g."createdAt", 'role', r, 'domain', d, 'open', d.id is null or ${isOpen}) order by g.id), '[]')
      from "RoleGrant" g join "Role" r on r.id = g."roleId" left join "Domain" d on d.id = g."domainId"
      where g."userId" = u.id and (g."expiresAt" is null or g."expiresAt" > now())) as grants,
    (with recursive down as (
        select d.id from "RoleGrant" g join "Role" r on r.id = g."roleId" join "Domain" d on d.id = g."domainId"
        where g."userId" = u.id and r.name = 'ADMIN' and ${isOpen} and (g."expiresAt" is null or g."expiresAt" > now())
        union select c.id from "Domain" c join down on c."parentId" = down.id where c.active)
      select coalesce(json_agg(id), '[]') from down) as administers,
    (with recursive up as (
        select d.id as below, d."parentId" as id from "RoleGrant" g join "Role" r on r.id = g."roleId" join "Domain" d on d.id = g."domainId"
        where g."userId" = u.id and (r.name = 'ADMIN' or cardinality(r.permissions) > 0) and (g."expiresAt" is null or g."expiresAt" > now())
        union select up.below, d."parentId" from "Domain" d join up on d.id = up.id)
      select coalesce(json_object_agg(below, ids), '{}') from (
        select below, json_agg(id) as ids from up where id is not null group by below) as lines) as lineage
  from ${from} join "User" u on u.id = t."userId" left join "Domain" home on home.id = t."domainId"
  where ${where}`;

// A user as a fresh session of theirs would ask.
const byUser = (ids: readonly string[]) =>
  lines(
    sql`u.id::text`,
    sql`"User" x cross join lateral jsonb_populate_record(null::"Token", jsonb_build_object('id', x.id, 'userId', x.id, 'kind', 'SESSION',
      'scopes', '[]'::jsonb, 'authenticatedAt', now(), 'createdAt', now(), 'expiresAt', now() + interval '1 h')) t`,
    sql`x.id = any((select ${ids}::uuid[])::uuid[])`,
    1_000,
  );

const sessions = preparedStatement('sessions', bySession([], 0));
const apiTokens = preparedStatement('api-tokens', byHash([], 0));

function toViewer(line: Line): Viewer {
  return {
    user: withDates(line.user, [
      'emailConfirmedAt',
      'currentLoginAt',
      'lastLoginAt',
      'createdAt',
      'updatedAt',
      'deletedAt',
      'eraseAt',
      'erasedAt',
    ]),
    token: withDates(line.token, ['authenticatedAt', 'createdAt', 'lastUsedAt', 'expiresAt', 'idleExpiresAt', 'revokedAt', 'reuseAt']),
    grants: line.grants,
    ...platformGrants(line.grants),
    administeredDomainIds: line.administers,
    ancestorIds: line.lineage,
    scopes: line.token.kind === 'API' ? new Set(line.token.scopes) : null,
    recentlyAuthenticated: line.fresh,
    now: new Date(line.now),
  };
}

/** What those of the grants give that hold everywhere. */
export function platformGrants(grants: readonly ViewerGrant[]): Pick<Viewer, 'rank' | 'permissions'> {
  const everywhere = grants.filter(({ domainId }) => domainId === null);
  return {
    rank: Math.max(0, ...everywhere.map(({ role }) => (role.builtIn ? (ranks[role.name as keyof typeof ranks] ?? 0) : 0))),
    permissions: new Set(everywhere.flatMap(({ role }) => role.permissions)),
  };
}

function withDates<T>(row: T, columns: readonly (keyof T)[]): T {
  for (const column of columns) if (row[column]) row[column] = new Date(row[column] as string) as T[keyof T];
  return row;
}
