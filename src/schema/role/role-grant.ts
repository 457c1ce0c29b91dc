import { ifVisible, loadVisible } from '../../authorization/evaluate/decisions.ts';
import { all, any } from '../../authorization/rules/rule.ts';
import type { RoleGrant as GrantRow, User as UserRow } from '../../database/generated/prisma/client.ts';
import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { readActiveGrants } from '../../identity/grants/active-grants.ts';
import { loadDelegationPaths } from '../../identity/grants/delegated-grants.ts';
import type { Grant } from '../../identity/viewer.ts';
import { getLoader } from '../../lib/loaders.ts';
import { allMaybe, mapMaybe } from '../../lib/map-maybe.ts';
import { admin, domainAdmin, may, scope, self } from '../../policy/conditions.ts';
import { Domain } from '../domain/domain.ts';
import { User } from '../user/user.ts';
import { Role } from './role.ts';

export const RoleGrant = builder.prismaNode('RoleGrant', {
  id: { field: 'id', description: 'The opaque global ID.' },
  access: all(scope('users:read'), any(self, domainAdmin, admin, may('users:read'))),
  fields: (t) => ({
    user: t.field({
      type: User,
      description: 'The holder of the role.',
      resolve: (grant, _, context) => loadVisible(context, 'User', grant.userId),
    }),
    role: t.field({
      type: Role,
      description: 'The granted role.',
      resolve: (grant: GrantRow | Grant, _, context) =>
        'role' in grant ? ifVisible(context, 'Role', grant.role) : loadVisible(context, 'Role', grant.roleId),
    }),
    domain: t.field({
      type: Domain,
      description: 'The domain in which the role is held, or null if it is held globally.',
      resolve: (grant: GrantRow | Grant, _, context) => domainOf(context, grant),
    }),
    grantedBy: t.field({
      type: User,
      description: 'The user who granted the role, or null if the viewer cannot see them.',
      resolve: (grant, _, context) => loadVisible(context, 'User', grant.grantedById),
    }),
    delegable: t.exposeInt('delegable'),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
  }),
});

builder.prismaObjectFields('RoleGrant', (t) => ({
  path: t.field({
    type: [RoleGrant],
    nullable: { list: false, items: true },
    description:
      'The delegation path, from the original grant to this one. Grants that the viewer cannot see are null; a grant that was not delegated is its own path.',
    resolve: (grant: GrantRow | Grant, _, context) => pathOf(context, grant),
  }),
}));

builder.prismaObjectFields('User', (t) => ({
  roles: t.field({
    type: [RoleGrant],
    description: 'The active role grants of the user that the viewer can see, granted globally or in domains.',
    nullable: { list: true, items: false },
    resolve: (user: UserRow | UserWithGrants, _, context) => visibleGrantsOf(context, user),
  }),
}));

/** Null means "globally", so a domain that the viewer cannot see is an error and not null. */
function domainOf(context: Context, grant: GrantRow | Grant) {
  if (grant.domainId === null) return null;
  const domain = 'domain' in grant ? ifVisible(context, 'Domain', grant.domain) : loadVisible(context, 'Domain', grant.domainId);
  return mapMaybe(domain, (row) => {
    if (row === null) throw graphqlError('NOT_FOUND');
    return row;
  });
}

async function pathOf(context: Context, grant: GrantRow | Grant) {
  if (grant.throughId === null) return [grant];
  const path = await delegationPaths(context).load(grant.id);
  return Promise.all(path.map((id) => (id === grant.id ? grant : loadGrant(context, id))));
}

/** Hides a grant if its domain is hidden: without the domain it would read as held globally. */
async function loadGrant(context: Context, id: string): Promise<GrantRow | null> {
  const grant = await loadVisible(context, 'RoleGrant', id);
  return !grant?.domainId || (await loadVisible(context, 'Domain', grant.domainId)) ? grant : null;
}

/** A user who was read together with their active grants. */
type UserWithGrants = UserRow & { readonly grants: readonly Grant[] };

function visibleGrantsOf(context: Context, user: UserRow | UserWithGrants): Grant[] | Promise<Grant[]> {
  const { viewer } = context;
  if ('grants' in user) return visibleAmong(context, user.grants);
  if (viewer?.user.id === user.id) return visibleAmong(context, viewer.grants);
  return activeGrants(context)
    .load(user.id)
    .then((grants) => visibleAmong(context, grants));
}

function visibleAmong(context: Context, grants: readonly Grant[]): Grant[] | Promise<Grant[]> {
  const visible = allMaybe(grants.map((grant) => isVisible(context, grant)));
  return mapMaybe(visible, (flags) => grants.filter((_, index) => flags[index]));
}

/** False if the domain of the grant is hidden: without the domain the grant would read as held globally. */
function isVisible(context: Context, grant: Grant): boolean | Promise<boolean> {
  const rows = allMaybe<object | null>([
    ifVisible(context, 'RoleGrant', grant),
    grant.domain ? ifVisible(context, 'Domain', grant.domain) : grant,
  ]);
  return mapMaybe(rows, (visible) => visible.every((row) => row !== null));
}

const activeGrants = (context: Context) =>
  getLoader(context, 'active grants of users', async (userIds: readonly string[]) => {
    const grants = await readActiveGrants(context.db, userIds);
    return userIds.map((id) => grants.get(id) ?? []);
  });

const delegationPaths = (context: Context) =>
  getLoader(context, 'delegation paths', async (ids: readonly string[]) => {
    const found = await loadDelegationPaths(context.db, ids);
    return ids.map((id) => found.get(id) ?? [id]);
  });
