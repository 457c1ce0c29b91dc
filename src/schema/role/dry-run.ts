import { type AccessChange, changesBetween } from '../../authorization/explain/access-diff.ts';
import { meeting } from '../../authorization/evaluate/query-matching.ts';
import { permittedIn } from '../../policy/grants-scope.ts';
import { ruleOf } from '../../authorization/rules/registry.ts';
import { identifyUser, ranks } from '../../identity/viewer.ts';
import type { Write } from '../../graphql/mutation.ts';
import { sql } from '../../database/database.ts';

/** Whom a grant is about, and which one it is. */
interface Wanted {
  readonly userId: string;
  readonly role: string;
  readonly domain?: string | null | undefined;
}

export interface Rehearsed {
  readonly grant: null;
  readonly changed: boolean;
  /** Found out once it is asked for, after the transaction: counting takes long, and holds no lock. */
  readonly changes: (client: object) => Promise<AccessChange[]>;
}

/** Does the work of a grant, says what changes by it, and undoes it: what fails in earnest fails here as well. */
export async function rehearse(writing: Write, wanted: Wanted, work: () => Promise<{ changed: boolean }>): Promise<Rehearsed> {
  const { tx, viewer } = writing;
  await tx.$executeRaw(sql`savepoint rehearsal`);
  await setAside(writing, wanted);
  const before = await identifyUser(tx, wanted.userId);
  const { changed } = await work();
  const after = await identifyUser(tx, wanted.userId);
  await tx.$executeRaw(sql`rollback to savepoint rehearsal`);
  const isTold = changed && before && after && (await knowsMembers(writing, wanted.domain));
  return { grant: null, changed, changes: async (client) => (isTold ? changesBetween(client, viewer, before, after) : []) };
}

/** Whether the viewer may know who is a member of the domain: to others the counts would tell of somebody that they are one. */
async function knowsMembers({ tx, viewer }: Write, name: string | null | undefined): Promise<boolean> {
  const reading = permittedIn(viewer, 'users:read');
  if (viewer.rank >= ranks.ADMIN || reading === 'everywhere') return true;
  const domain = name == null ? null : await tx.domain.findUnique({ where: { name }, select: { id: true } });
  return domain !== null && [...viewer.administers, ...reading].includes(domain.id);
}

/** Ends, until the rehearsal is undone, what the user holds and the viewer may not know of: what it gives already would show as not gained. */
async function setAside({ tx, viewer }: Write, { userId }: Wanted) {
  const grants = await tx.roleGrant.findMany({ where: { userId }, select: { id: true } });
  const ids = grants.map(({ id }) => id);
  const known = await meeting(tx, ruleOf('RoleGrant'), viewer, 'RoleGrant', ids);
  const hidden = grants.filter(({ id }) => !known.has(id));
  await tx.roleGrant.updateMany({ where: { id: { in: hidden.map(({ id }) => id) } }, data: { expiresAt: new Date(0) } });
}
