import { sql, type Tx } from '../../database/database.ts';
import type { EmailLink, Invitation } from '../../database/generated/prisma/client.ts';
import { graphqlError } from '../../errors.ts';
import type { Context } from '../../graphql/context.ts';
import { recordAuditEvent } from '../../identity/audit/record-event.ts';
import { loadUserAsViewer } from '../../identity/viewer.ts';
import { canGrantAny } from '../role/grant-authority.ts';

type ClaimedInvitation = Pick<Invitation, 'id' | 'roleId' | 'domainId' | 'invitedById'>;

/** Claims the invitation of a link, unless it was accepted or revoked or has expired. Atomic: a single conditional UPDATE. Throws INVALID_TOKEN. */
export async function claimInvitation(
  tx: Tx,
  { invitationId, emailKey }: Pick<EmailLink, 'invitationId' | 'emailKey'>,
): Promise<ClaimedInvitation> {
  const [invitation] = await tx.$queryRaw<ClaimedInvitation[]>(sql`
    with claimed as (
      update "Invitation" set "acceptedAt" = now() where id = ${invitationId}::uuid and "emailKey" = ${emailKey}
        and "acceptedAt" is null and "revokedAt" is null and "expiresAt" > now() returning *
    ), used as (
      update "EmailLink" set "usedAt" = now() where "invitationId" in (select id from claimed)
    ) select id::text, "roleId"::text, "domainId"::text, "invitedById"::text from claimed`);
  if (!invitation) throw graphqlError('INVALID_TOKEN');
  return invitation;
}

/** Grants the role of the invitation, if its sender may still grant it to that user. Throws INVALID_TOKEN. */
export async function grantInvitedRole(
  tx: Tx,
  by: Pick<Context, 'client' | 'viewer'>,
  invitation: ClaimedInvitation,
  userId: string,
): Promise<void> {
  const { id, roleId, domainId, invitedById } = invitation;
  await lockInviter(tx, invitation);
  const key = { userId, roleId, domainId };
  await tx.roleGrant.deleteMany({ where: { ...key, expiresAt: { lte: new Date() } } });
  const { count } = await tx.roleGrant.createMany({ data: { ...key, grantedById: invitedById }, skipDuplicates: true });
  const domain = domainId && (await tx.domain.findUniqueOrThrow({ where: { id: domainId }, select: { name: true } }));
  const role = await tx.role.findUniqueOrThrow({ where: { id: roleId } });
  const inviter = await loadUserAsViewer(tx, invitedById);
  if (!inviter || !(await canGrantAny(tx, inviter, { userId, role, domainId }))) throw graphqlError('INVALID_TOKEN');
  const grant = await tx.roleGrant.findFirstOrThrow({ where: key });
  await recordAuditEvent(tx, by.client, by.viewer, {
    action: 'privilege_permissions_changed',
    reason: 'invitation accepted',
    userId,
    domainId,
    target: { type: 'RoleGrant', id: grant.id },
    details: { role: role.name, domain: domain ? domain.name : null, invitationId: id, invitedById, changed: count > 0 },
  });
}

/** Serializes with changes to the rights of the inviter: demoting or disabling them waits for this transaction, or has taken effect before it (security.md 10.2). */
async function lockInviter(tx: Tx, { invitedById, domainId }: ClaimedInvitation): Promise<void> {
  await tx.$queryRaw(sql`select 1 from "User" where id = ${invitedById}::uuid for key share`);
  await tx.$queryRaw(sql`select 1 from "RoleGrant" where "userId" = ${invitedById}::uuid for share`);
  if (domainId) await tx.$queryRaw(sql`select 1 from "Domain" where id = ${domainId}::uuid for key share`);
}
