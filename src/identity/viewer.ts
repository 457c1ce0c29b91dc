import { type Database, interval, type Sql, sql, type Tx } from '../database/database.ts';
import { getDatamodel } from '../database/generated/pothos.ts';
import type { Domain, Role, RoleGrant, Token, User } from '../database/generated/prisma/client.ts';
import { preparedStatement } from '../database/prepared-statement.ts';
import type { ErrorCode } from '../errors.ts';
import { tokenRejection } from './live-token.ts';
import { type LockedRows, lockInOrder } from './lock-order.ts';

/** An active grant with its role and domain, read as JSON: its dates are strings, which the DateTime scalar accepts. */
export type Grant = RoleGrant & { role: Role; domain: Domain | null };

/** A grant of the viewer. `active` is false if its domain, or one above it, is disabled. */
export type ViewerGrant = Grant & { readonly active: boolean };

export const ranks = { USER: 0, ADMIN: 1, SUPERADMIN: 2 } as const;

/** The caller as the database had it when last read: at the start of the operation, after a mutation, for each event. */
export interface Viewer {
  readonly user: User;
  readonly token: Token;
  readonly grants: readonly ViewerGrant[];
  /** The highest rank among the grants without a domain. */
  readonly rank: number;
  /** The active domains in which the viewer is ADMIN, by a grant there or in a domain above. */
  readonly administeredDomainIds: string[];
  /** For each domain in which the viewer is ADMIN or has a permission: the domains above it. */
  readonly ancestorIds: Readonly<Record<string, readonly string[]>>;
  /** The permissions of the grants without a domain. */
  readonly permissions: ReadonlySet<string>;
  /** The domains that an API token of a domain is limited to; null for all other credentials. */
  readonly reach: DomainReach | null;
  /** The scopes of the API token; null for a session, which is not limited by scopes. */
  readonly scopes: ReadonlySet<string> | null;
  /** True if the password was entered within the freshness period. */
  readonly recentlyAuthenticated: boolean;
  /** The time of the database. */
  readonly now: Date;
}

/** The domain of an API token and the domains below it, and those of them that are active. */
interface DomainReach {
  readonly ids: readonly string[];
  readonly activeIds: readonly string[];
}

/** True for ADMIN and SUPERADMIN without a domain. */
export const isPlatformAdmin = (viewer: Pick<Viewer, 'rank'> | null): boolean => viewer !== null && viewer.rank >= ranks.ADMIN;

/**
 * Identifies a caller: the ids of a session and of its owner, which both stand in an access token, or the hash of an API token. A session of another
 * owner is unknown.
 */
export type Credential = { readonly sid: string; readonly sub: string } | { readonly hash: Uint8Array };

/** The credential by which a viewer is loaded again. */
export const credentialOf = ({ token }: Pick<Viewer, 'token'>): Credential => ({ sid: token.id, sub: token.userId });

/** A viewer and, if it may not act, the reason; undefined if the credential is unknown. */
export type ViewerResult = { readonly viewer: Viewer; readonly rejection: ErrorCode | null } | undefined;

interface ViewerRow {
  id: string;
  token: Token;
  user: User;
  grants: ViewerGrant[];
  administeredDomainIds: string[];
  ancestorIds: Record<string, string[]>;
  reach: { domains: { id: string; open: boolean }[]; above: string[] } | null;
  rejection: ErrorCode | null;
  recentlyAuthenticated: boolean;
  now: Date;
}

/** Reads the viewers of many credentials in one statement per kind of credential. `freshness` in milliseconds. */
export async function loadViewers(
  db: Pick<Database, 'query'>,
  credentials: readonly Credential[],
  freshness: number,
): Promise<ViewerResult[]> {
  const sids = credentials.flatMap((credential) => ('sid' in credential ? [credential.sid] : []));
  const hashes = credentials.flatMap((credential) => ('hash' in credential ? [credential.hash] : []));
  const rows = new Map<string, ViewerRow>();
  if (sids.length > 0) for (const row of await db.query<ViewerRow>(sessions({ ids: sids, freshness }))) rows.set(row.id, row);
  if (hashes.length > 0) for (const row of await db.query<ViewerRow>(apiTokens({ hashes, freshness }))) rows.set(row.id, row);
  return credentials.map((credential) => {
    const row = rows.get('sid' in credential ? credential.sid : hex(credential.hash));
    return 'sid' in credential && row?.user.id !== credential.sub ? undefined : toResult(row);
  });
}

/**
 * Locks what the rights of the viewer depend on until the transaction ends, together with further rows, and reads the viewer again (security.md 7.9,
 * 10.2). The lock on the user serializes two mutations of one user.
 */
export async function reloadViewerForUpdate(tx: Tx, { token }: Viewer, freshness: number, rows: LockedRows = {}): Promise<ViewerResult> {
  const { id, userId, domainId } = token;
  await lockInOrder(tx, {
    ...rows,
    users: [userId, ...(rows.users ?? [])],
    holders: [userId, ...(rows.holders ?? [])],
    domains: [...(domainId ? [domainId] : []), ...(rows.domains ?? [])],
    tokens: [id, ...(rows.tokens ?? [])],
  });
  const [row] = await tx.$queryRaw<ViewerRow[]>(bySession([id], freshness));
  return toResult(row);
}

/** Loads a user as if authenticated with a fresh session, also if disabled; undefined if there is no such user. */
export async function loadUserAsViewer(client: Pick<Tx, '$queryRaw'>, userId: string): Promise<Viewer | undefined> {
  const [row] = await client.$queryRaw<ViewerRow[]>(byUser([userId]));
  return row && toViewer(row);
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

// The sub-select hides the length of the array from the planner, which then keeps one generic plan. Planning every execution took
// four times as long as the statement itself.
const bySession = (ids: string[], freshness: number) =>
  viewerQuery({ id: sql`t.id::text`, from: sql`"Token" t`, where: sql`t.id = any((select ${ids}::uuid[])::uuid[])`, freshness });

const byHash = (hashes: Uint8Array[], freshness: number) =>
  viewerQuery({
    id: sql`encode(s.hash, 'hex')`,
    from: sql`"TokenSecret" s join "Token" t on t.id = s."tokenId" and t.kind = 'API'`,
    where: sql`s.hash = any((select ${hashes}::bytea[])::bytea[])`,
    freshness,
  });

/** A hypothetical fresh session of each user. */
const byUser = (ids: readonly string[]) =>
  viewerQuery({
    id: sql`u.id::text`,
    from: sql`"User" x cross join lateral jsonb_populate_record(null::"Token", jsonb_build_object('id', x.id, 'userId', x.id, 'kind', 'SESSION',
      'scopes', '[]'::jsonb, 'authenticatedAt', now(), 'createdAt', now(), 'expiresAt', now() + interval '1 h', 'idleExpiresAt', now() + interval '1 h')) t`,
    where: sql`x.id = any((select ${ids}::uuid[])::uuid[])`,
    freshness: 1_000,
  });

interface ViewerSource {
  readonly id: Sql;
  /** Must provide "Token" t. */
  readonly from: Sql;
  readonly where: Sql;
  readonly freshness: number;
}

const viewerQuery = ({ id, from, where, freshness }: ViewerSource) => sql`
  select ${id} as id, row_to_json(t) as token, row_to_json(u) as "user", now() as now,
    ${tokenRejection} as rejection,
    t.kind = 'SESSION' and t."authenticatedAt" > now() - ${interval(freshness)} as "recentlyAuthenticated",
    (select coalesce(json_agg(json_build_object('id', g.id, 'userId', g."userId", 'roleId', g."roleId", 'domainId', g."domainId",
        'grantedById', g."grantedById", 'delegable', g.delegable, 'throughId', g."throughId", 'expiresAt', g."expiresAt",
        'createdAt', g."createdAt", 'role', r, 'domain', d, 'active', d.id is null or d.open) order by g.id), '[]')
      from "ActiveRoleGrant" g join "Role" r on r.id = g."roleId" left join "Domain" d on d.id = g."domainId"
      where g."userId" = u.id) as grants,
    (select coalesce(json_agg(distinct below.id), '[]')
      from "ActiveRoleGrant" g join "Role" r on r.id = g."roleId" join "Domain" d on d.id = g."domainId"
        cross join lateral domain_descendants(d.id) below
      where g."userId" = u.id and r.name = 'ADMIN' and below.open) as "administeredDomainIds",
    (select coalesce(json_object_agg(domain, ids), '{}') from (
        select d.id as domain, json_agg(distinct above.id) as ids
        from "ActiveRoleGrant" g join "Role" r on r.id = g."roleId" join "Domain" d on d.id = g."domainId"
          cross join lateral domain_ancestors(d."parentId") above
        where g."userId" = u.id and (r.name = 'ADMIN' or cardinality(r.permissions) > 0) group by d.id) as line) as "ancestorIds",
    case when t.kind = 'API' and t."domainId" is not null then json_build_object(
      'domains', (select json_agg(json_build_object('id', b.id, 'open', b.open)) from domain_descendants(t."domainId") b),
      'above', (select coalesce(json_agg(a.id), '[]') from domain_ancestors(t."domainId") a where a.id <> t."domainId")) end as reach
  from ${from} join "User" u on u.id = t."userId"
  where ${where}`;

const sessions = preparedStatement<{ ids: string[]; freshness: number }>('sessions', ({ ids, freshness }) => bySession(ids, freshness));
const apiTokens = preparedStatement<{ hashes: Uint8Array[]; freshness: number }>('api-tokens', ({ hashes, freshness }) =>
  byHash(hashes, freshness),
);

const { models } = getDatamodel().datamodel;
const dateColumns = (model: 'User' | 'Token') =>
  (models[model]?.fields ?? []).flatMap(({ name, type }) => (type === 'DateTime' ? [name] : []));
const userDates = dateColumns('User') as (keyof User)[];
const tokenDates = dateColumns('Token') as (keyof Token)[];

const toResult = (row: ViewerRow | undefined): ViewerResult => row && { viewer: toViewer(row), rejection: row.rejection };

function toViewer({ user, token, grants, administeredDomainIds, ancestorIds, reach, recentlyAuthenticated, now }: ViewerRow): Viewer {
  const viewer = {
    user: withDates(user, userDates),
    token: withDates(token, tokenDates),
    grants,
    ...platformGrants(grants),
    administeredDomainIds,
    ancestorIds,
    reach: null,
    scopes: token.kind === 'API' ? new Set(token.scopes) : null,
    recentlyAuthenticated,
    now: new Date(now),
  };
  return reach ? confine(viewer, reach) : viewer;
}

/**
 * Limits a viewer to the domain of their API token and those below (docs/decisions/0032). There, a rank that is held everywhere counts as ADMIN, and a
 * permission that is held everywhere as held in each domain; elsewhere nothing counts.
 */
function confine(viewer: Viewer, { domains, above }: NonNullable<ViewerRow['reach']>): Viewer {
  const ids = domains.map(({ id }) => id);
  const activeIds = domains.flatMap(({ id, open }) => (open ? [id] : []));
  const isWithin = (id: string | null) => id !== null && ids.includes(id);
  return {
    ...viewer,
    reach: { ids, activeIds },
    grants: viewer.grants.filter(({ domainId }) => isWithin(domainId)),
    rank: ranks.USER,
    administeredDomainIds: isPlatformAdmin(viewer) ? activeIds : viewer.administeredDomainIds.filter(isWithin),
    ancestorIds: { ...viewer.ancestorIds, [viewer.token.domainId as string]: above },
  };
}

/** The rank and the permissions that grants without a domain give. */
export function platformGrants(grants: readonly ViewerGrant[]): Pick<Viewer, 'rank' | 'permissions'> {
  const roles = grants.filter(({ domainId }) => domainId === null).map(({ role }) => role);
  return {
    rank: Math.max(0, ...roles.map(({ name }) => ranks[name as keyof typeof ranks] ?? 0)),
    permissions: new Set(roles.flatMap(({ permissions }) => permissions)),
  };
}

/** Parses the date columns of a row read as JSON. */
function withDates<T>(row: T, columns: readonly (keyof T)[]): T {
  for (const column of columns) if (row[column]) row[column] = new Date(row[column] as string) as T[keyof T];
  return row;
}
