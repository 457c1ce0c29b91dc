import { type AccessChange, diffAccess } from '../../authorization/explain/access-diff.ts';
import { ruleOf } from '../../authorization/rules/registry.ts';
import { sql } from '../../database/database.ts';
import type { MutationScope } from '../../graphql/mutation.ts';
import { loadUserAsViewer, ranks } from '../../identity/viewer.ts';
import { domainsWithPermission } from '../../policy/grants-scope.ts';
import { findMatchingIds } from '../../policy/policy.ts';

/** Whom a grant is about, and which one it is. */
interface Wanted {
  readonly userId: string;
  readonly role: string;
  readonly domain?: string | null | undefined;
}

export interface DryRunResult {
  readonly grant: null;
  readonly changed: boolean;
  /** Found out once it is asked for, after the transaction: counting takes long, and holds no lock. */
  readonly changes: (client: object) => Promise<AccessChange[]>;
}

/** Does the work of a grant, says what changes by it, and undoes it: what fails in earnest fails here as well. */
export async function dryRun(writing: MutationScope, wanted: Wanted, work: () => Promise<{ changed: boolean }>): Promise<DryRunResult> {
  const { tx, access, viewer } = writing;
  await tx.$executeRaw(sql`savepoint rehearsal`);
  await setAside(writing, wanted);
  const before = await loadUserAsViewer(tx, wanted.userId);
  const { changed } = await work();
  const after = await loadUserAsViewer(tx, wanted.userId);
  await tx.$executeRaw(sql`rollback to savepoint rehearsal`);
  const isTold = changed && before && after && (await knowsMembers(writing, wanted.domain));
  return { grant: null, changed, changes: async (client) => (isTold ? diffAccess(access, client, viewer, { before, after }) : []) };
}

/** Whether the viewer may know who is a member of the domain: to others the counts would tell of somebody that they are one. */
async function knowsMembers({ tx, viewer }: MutationScope, name: string | null | undefined): Promise<boolean> {
  const reading = domainsWithPermission(viewer, 'users:read');
  if (viewer.rank >= ranks.ADMIN || reading === 'everywhere') return true;
  const domain = name == null ? null : await tx.domain.findUnique({ where: { name }, select: { id: true } });
  return domain !== null && [...viewer.administeredDomainIds, ...reading].includes(domain.id);
}

/** Ends, until the rehearsal is undone, what the user holds and the viewer may not know of: what it gives already would show as not gained. */
async function setAside({ tx, access, viewer }: MutationScope, { userId }: Wanted) {
  const grants = await tx.roleGrant.findMany({ where: { userId }, select: { id: true } });
  const ids = grants.map(({ id }) => id);
  const known = await findMatchingIds(tx, ruleOf({ access }, 'RoleGrant'), viewer, 'RoleGrant', ids);
  const hidden = grants.filter(({ id }) => !known.has(id));
  await tx.roleGrant.updateMany({ where: { id: { in: hidden.map(({ id }) => id) } }, data: { expiresAt: new Date(0) } });
}
