import { type AccessChange, diffAccess } from '../../authorization/explain/access-diff.ts';
import { ruleOf } from '../../authorization/rules/registry.ts';
import { sql } from '../../database/database.ts';
import type { LockAlso, MutationScope } from '../../graphql/mutation.ts';
import { loadUserAsViewer } from '../../identity/viewer.ts';
import { findMatchingIds } from '../../policy/policy.ts';
import { canSeeGrantsIn, type GrantRequest, lockGrant } from './grant-authority.ts';

export interface DryRunResult {
  readonly grant: null;
  readonly changed: boolean;
  /** Computed on demand, after the transaction: counting is slow and needs no lock. */
  readonly changes: (client: object) => Promise<AccessChange[]>;
}

/** Runs a grant inside a savepoint, compares the user's access before and after, and rolls back. Fails where the grant itself would fail. */
export async function dryRun(
  mutation: MutationScope,
  request: GrantRequest,
  grant: () => Promise<{ changed: boolean }>,
): Promise<DryRunResult> {
  const { tx, access, viewer } = mutation;
  await tx.$executeRaw(sql`savepoint dry_run`);
  await expireHiddenGrants(mutation, request.userId);
  const before = await loadUserAsViewer(tx, request.userId);
  const { changed } = await grant();
  const after = await loadUserAsViewer(tx, request.userId);
  await tx.$executeRaw(sql`rollback to savepoint dry_run`);
  const isVisible = changed && before && after && (await canSeeMembers(mutation, request.domain));
  return { grant: null, changed, changes: async (client) => (isVisible ? diffAccess(access, client, viewer, { before, after }) : []) };
}

/** What `dryRun` needs to be locked: it may expire every grant of the user until the rollback. */
export const lockGrantForDryRun =
  (request: GrantRequest): LockAlso =>
  async (tx) => {
    const grants = await tx.roleGrant.findMany({ where: { userId: request.userId }, select: { id: true } });
    return { ...(await lockGrant(request)(tx)), changedGrants: grants.map(({ id }) => id) };
  };

/** True if the viewer can see who is a member of the domain. To others, the counts would reveal members. */
async function canSeeMembers({ tx, viewer }: MutationScope, name: string | null | undefined): Promise<boolean> {
  const domain = name == null ? null : await tx.domain.findUnique({ where: { name }, select: { id: true } });
  return canSeeGrantsIn(viewer, domain?.id ?? null);
}

/** Expires the grants that the viewer cannot see until the rollback. Otherwise access that they already give would show as not gained. */
async function expireHiddenGrants({ tx, access, viewer }: MutationScope, userId: string) {
  const grants = await tx.roleGrant.findMany({ where: { userId }, select: { id: true } });
  const ids = grants.map(({ id }) => id);
  const visible = await findMatchingIds(tx, ruleOf({ access }, 'RoleGrant'), viewer, 'RoleGrant', ids);
  const hidden = ids.filter((id) => !visible.has(id));
  await tx.roleGrant.updateMany({ where: { id: { in: hidden } }, data: { expiresAt: new Date(0) } });
  // An expired grant is deleted with what was delegated through it, which may be a grant of the viewer.
  await tx.roleGrant.updateMany({ where: { throughId: { in: hidden } }, data: { throughId: null } });
}
