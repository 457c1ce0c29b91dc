import { interval, sql } from '../../database/database.ts';
import type { Context } from '../../graphql/context.ts';
import type { MutationScope } from '../../graphql/mutation.ts';
import { requireAnotherSuperadmin } from '../../identity/accounts/last-superadmin.ts';
import { invalidateLinks } from '../../identity/credentials/email-link.ts';
import { revokeUserTokens } from '../../identity/tokens/sessions.ts';
import { enqueueNotice } from '../../mail/outbox.ts';

/**
 * Marks an account as deleted. Until it is erased it can be restored, and its email address stays reserved. Returns false if it was already
 * deleted. Throws LAST_SUPERADMIN.
 */
export async function softDeleteAccount({ tx, viewer, audit }: MutationScope, context: Context, id: string): Promise<boolean> {
  await requireAnotherSuperadmin(tx, id);
  const [deleted] = await tx.$queryRaw<{ eraseAt: Date }[]>(sql`
    update "User" set "deletedAt" = now(), "eraseAt" = now() + ${interval(context.config.DELETED_USER_RETENTION)}
    where id = ${id}::uuid and "deletedAt" is null returning "eraseAt"`);
  if (!deleted) return false;
  const isOwnAccount = id === viewer.user.id;
  await audit({ action: 'user_archived', userId: id, target: { type: 'User', id } });
  await invalidateLinks(tx, id);
  const cause = { reason: 'USER_DELETED', initiator: isOwnAccount ? 'USER' : 'ADMIN', actor: viewer, work: context } as const;
  await revokeUserTokens(tx, id, cause);
  await enqueueNotice(tx, 'accountDeleted', id, { until: deleted.eraseAt.toISOString(), ...(!isOwnAccount && { byAdministrator: true }) });
  return true;
}
