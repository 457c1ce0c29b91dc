import { databaseTime, onTransaction, sql, type Tx } from '../../database/database.ts';
import type { Invitation } from '../../database/generated/prisma/client.ts';
import { graphqlError } from '../../errors.ts';
import type { Context } from '../../graphql/context.ts';
import { recordAuditEvent } from '../../identity/audit/record-event.ts';
import type { InvitationLink } from '../../identity/credentials/email-link.ts';
import type { LockedRows } from '../../identity/lock-order.ts';
import { loadUserAsViewer } from '../../identity/viewer.ts';
import { canGrantAny } from '../role/grant-authority.ts';

type ClaimedInvitation = Pick<Invitation, 'id' | 'roleId' | 'domainId' | 'invitedById'>;

/**
 * What accepting an invitation depends on: its sender, their grants and the domain. A change to the rights of the sender waits for the transaction
 * that has locked them, or has taken effect before it (security.md 10.2). Throws INVALID_TOKEN if there is no such invitation.
 */
export async function basisOf(tx: Tx, { invitationId }: InvitationLink): Promise<LockedRows> {
  const found = await tx.invitation.findUnique({ where: { id: invitationId } });
  if (!found) throw graphqlError('INVALID_TOKEN');
  const { invitedById, domainId } = found;
  // The foreign key of the grant locks the domain as well, but after the invitation: out of order.
  return { users: [invitedById], holders: [invitedById], domains: domainId ? [domainId] : [] };
}

/**
 * Claims the invitation of a link, unless it was accepted or revoked, has expired, or the link is used up. The caller must have locked `basisOf` it,
 * so that `grantInvitedRole` decides with rights that cannot change before the commit. Throws INVALID_TOKEN.
 */
export async function claimInvitation(tx: Tx, { id: linkId, invitationId, emailKey }: InvitationLink): Promise<ClaimedInvitation> {
  // Before the invitation: a role that is being deleted deletes its invitations.
  await tx.$queryRaw(
    sql`select 1 from "Role" where id = (select "roleId" from "Invitation" where id = ${invitationId}::uuid) for key share`,
  );
  const [invitation] = await tx.$queryRaw<ClaimedInvitation[]>(sql`
    update "Invitation" set "acceptedAt" = now() where id = ${invitationId}::uuid and "emailKey" = ${emailKey}
      and "acceptedAt" is null and "revokedAt" is null and "expiresAt" > now()
    returning id::text, "roleId"::text, "domainId"::text, "invitedById"::text`);
  const used = await tx.$queryRaw<{ id: string }[]>(sql`
    update "EmailLink" set "usedAt" = now() where "invitationId" = ${invitationId}::uuid and "usedAt" is null and "expiresAt" > now() returning id::text`);
  if (!invitation || !used.some(({ id }) => id === linkId)) throw graphqlError('INVALID_TOKEN');
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
  const key = { userId, roleId, domainId };
  await tx.roleGrant.deleteMany({ where: { ...key, expiresAt: { lte: await databaseTime(onTransaction(tx)) } } });
  const { count } = await tx.roleGrant.createMany({ data: { ...key, grantedById: invitedById }, skipDuplicates: true });
  const domain = domainId === null ? null : await tx.domain.findUniqueOrThrow({ where: { id: domainId } });
  const role = await tx.role.findUniqueOrThrow({ where: { id: roleId } });
  const inviter = await loadUserAsViewer(tx, invitedById);
  if (!inviter || !(await canGrantAny(tx, inviter, { userId, role, domain }))) throw graphqlError('INVALID_TOKEN');
  const grant = await tx.roleGrant.findFirstOrThrow({ where: key });
  await recordAuditEvent(tx, by.client, by.viewer, {
    action: 'privilege_permissions_changed',
    reason: 'invitation accepted',
    userId,
    domainId,
    target: { type: 'RoleGrant', id: grant.id },
    details: { role: role.name, domain: domain?.name ?? null, invitationId: id, invitedById, changed: count > 0 },
  });
}
