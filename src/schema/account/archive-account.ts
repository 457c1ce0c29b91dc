import { interval, onTransaction, sql } from '../../database/database.ts';
import type { Context } from '../../graphql/context.ts';
import type { MutationScope } from '../../graphql/mutation.ts';
import { requireAnotherSuperadmin } from '../../identity/accounts/last-superadmin.ts';
import { invalidateLinks } from '../../identity/credentials/email-link.ts';
import { revokeTokens } from '../../identity/tokens/sessions.ts';
import { enqueueEmail } from '../../mail/outbox.ts';

/**
 * Deletes an account so that it can be restored until it is erased: nothing of it signs in, and its address stays taken. Answers whether it was
 * there. Throws LAST_SUPERADMIN.
 */
export async function softDeleteAccount({ tx, viewer, audit }: MutationScope, context: Context, id: string): Promise<boolean> {
  await requireAnotherSuperadmin(tx, id);
  const [archived] = await tx.$queryRaw<{ until: Date }[]>(sql`
    update "User" set "deletedAt" = now(), "eraseAt" = now() + ${interval(context.config.DELETED_USER_RETENTION)}, "updatedAt" = now()
    where id = ${id}::uuid and "deletedAt" is null returning "eraseAt" as until`);
  if (!archived) return false;
  const own = id === viewer.user.id;
  await audit({ action: 'user_archived', userId: id, target: ['User', id] });
  await invalidateLinks(tx, id);
  const ending = { reason: 'USER_DELETED', initiator: own ? 'USER' : 'ADMIN', actor: viewer, work: context } as const;
  await revokeTokens(onTransaction(tx), sql`t."userId" = ${id}::uuid`, ending);
  await enqueueEmail(tx, 'accountDeleted', { userId: id }, { until: archived.until.toISOString(), ...(!own && { byAdministrator: true }) });
  return true;
}
