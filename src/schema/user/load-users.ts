import type { GraphQLResolveInfo, SelectionSetNode } from 'graphql';
import { preparedStatement, sql } from '../../database/database.ts';
import type { User } from '../../database/generated/prisma/client.ts';
import type { Context } from '../../graphql/context.ts';
import { type ActiveGrants, activeGrantColumns, groupByUser } from '../../identity/grants/active-grants.ts';

const ids = sql`(select ${[]}::uuid[])::uuid[]`;
const users = sql`(select coalesce(json_agg(u), '[]') from "User" u where u.id = any(${ids})) as users`;
const plain = preparedStatement('users', sql`select ${users}`);
const withGrants = preparedStatement('users-with-grants', sql`select ${users}, ${activeGrantColumns(ids)}`);

/**
 * The users of a page, in its order, in one statement as JSON; with their grants where the operation asks for roles. Prisma and a line for
 * each grant took two thirds of the time of a list. The dates are text, which the scalar DateTime takes as well.
 */
export async function loadUsers({ db }: Context, page: readonly string[], info: GraphQLResolveInfo): Promise<User[]> {
  const asksForRoles = info.fieldNodes.some((node) => selects(info, node.selectionSet, 'roles'));
  const statement = asksForRoles ? withGrants(page, page, page, page) : plain(page);
  const [found] = await db.query<{ users: User[] } & Partial<ActiveGrants>>(statement);
  const byId = new Map(found?.users.map((user) => [user.id, user]));
  const { grants, roles, domains } = found ?? {};
  const held = grants && roles && domains ? groupByUser({ grants, roles, domains }) : undefined;
  return page.flatMap((id) => {
    const user = byId.get(id);
    return user ? [held ? Object.assign(user, { grants: held.get(id) ?? [] }) : user] : [];
  });
}

/** Whether a field of that name is selected somewhere below. */
function selects(info: GraphQLResolveInfo, set: SelectionSetNode | undefined, name: string): boolean {
  return (set?.selections ?? []).some((node) => {
    if (node.kind === 'FragmentSpread') return selects(info, info.fragments[node.name.value]?.selectionSet, name);
    return (node.kind === 'Field' && node.name.value === name) || selects(info, node.selectionSet, name);
  });
}
