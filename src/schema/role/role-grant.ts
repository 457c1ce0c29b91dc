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
      description: 'Who holds the role.',
      resolve: (grant, _, context) => loadVisible(context, 'User', grant.userId) as never,
    }),
    role: t.field({
      type: Role,
      description: 'The role that is held.',
      resolve: (grant: GrantRow | Grant, _, context) =>
        ('role' in grant ? ifVisible(context, 'Role', grant.role) : loadVisible(context, 'Role', grant.roleId)) as never,
    }),
    domain: t.field({
      type: Domain,
      description: 'The domain in which the role is held; null where it is held everywhere.',
      resolve: (grant: GrantRow | Grant, _, context) => domainOf(context, grant) as never,
    }),
    grantedBy: t.field({
      type: User,
      description: 'Who granted the role, if the viewer may know of that user.',
      resolve: (grant, _, context) => loadVisible(context, 'User', grant.grantedById) as never,
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
    description: 'The grants by which it was passed on, from the first one to this one; null for those that the viewer may not know of.',
    resolve: (grant: GrantRow | Grant, _, context) => pathOf(context, grant) as never,
  }),
}));

builder.prismaObjectFields('User', (t) => ({
  roles: t.field({
    type: [RoleGrant],
    description: 'The roles that the user holds now, everywhere or in a domain that the viewer may know of.',
    nullable: { list: true, items: false },
    resolve: (user: UserRow | UserWithGrants, _, context) => grantsOf(context, user) as never,
  }),
}));

/** Null says "everywhere", so a domain that the viewer may not know of is an error and not null. */
function domainOf(context: Context, grant: GrantRow | Grant) {
  if (grant.domainId === null) return null;
  const domain = 'domain' in grant ? ifVisible(context, 'Domain', grant.domain) : loadVisible(context, 'Domain', grant.domainId);
  return domain instanceof Promise ? domain.then(orNotFound) : orNotFound(domain);
}

/** A grant that was not passed on is its own path. */
function pathOf(context: Context, grant: GrantRow | Grant) {
  if (grant.throughId === null) return [grant];
  const found = paths(context).load(grant.id);
  return found.then((path) => path.map((id) => (id === grant.id ? grant : knownGrant(context, id))));
}

/** A grant in a domain that may not be known is not known itself: it would read as one that holds everywhere. */
async function knownGrant(context: Context, id: string): Promise<GrantRow | null> {
  const grant = await loadVisible<GrantRow>(context, 'RoleGrant', id);
  return !grant?.domainId || (await loadVisible(context, 'Domain', grant.domainId)) ? grant : null;
}

function orNotFound<T>(row: T | null): T {
  if (row === null) throw graphqlError('NOT_FOUND');
  return row;
}

/** A user who was read together with the grants that are in force. */
type UserWithGrants = UserRow & { readonly grants: readonly Grant[] };

/** The grants of a user that are in force and that the viewer may know of; the viewer's own are at hand already. */
function grantsOf(context: Context, user: UserRow | UserWithGrants): Grant[] | Promise<Grant[]> {
  const { viewer } = context;
  if ('grants' in user) return knownOf(context, user.grants);
  if (viewer?.user.id === user.id) return knownOf(context, viewer.grants);
  const found = grants(context).load(user.id);
  return found.then((held) => knownOf(context, held));
}

function knownOf(context: Context, held: readonly Grant[]): Grant[] | Promise<Grant[]> {
  const verdicts = held.map((grant) => seenWhole(context, grant));
  const chosen = (seenOf: readonly unknown[]) => held.filter((_, index) => seenOf[index]);
  return verdicts.some((one) => one instanceof Promise) ? Promise.all(verdicts).then(chosen) : chosen(verdicts);
}

/** A grant whose domain may not be known would read as one that holds everywhere: it is left out. */
function seenWhole(context: Context, grant: Grant) {
  const domain = grant.domain ? ifVisible(context, 'Domain', grant.domain) : grant;
  const own = ifVisible(context, 'RoleGrant', grant);
  return domain instanceof Promise || own instanceof Promise ? Promise.all([domain, own]).then(([a, b]) => a && b) : domain && own;
}

const grants = (context: Context) =>
  getLoader(context, 'grants of users', async (userIds: readonly string[]) => {
    const held = await readActiveGrants(context.db, userIds);
    return userIds.map((id) => held.get(id) ?? []);
  });

const paths = (context: Context) =>
  getLoader(context, 'paths of grants', async (ids: readonly string[]) => {
    const found = await loadDelegationPaths(context.db, ids);
    return ids.map((id) => found.get(id) ?? [id]);
  });
