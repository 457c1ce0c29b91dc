import { databaseTime, onTransaction, sql, type Tx } from '../../database/database.ts';
import type { Invitation } from '../../database/generated/prisma/client.ts';
import { graphqlError } from '../../errors.ts';
import type { Context } from '../../graphql/context.ts';
import { recordAuditEvent } from '../../identity/audit/record-event.ts';
import type { InvitationLink } from '../../identity/credentials/email-link.ts';
import { lockDomainPath } from '../../identity/domains/lock-domain.ts';
import { loadUserAsViewer } from '../../identity/viewer.ts';
import { canGrantAny } from '../role/grant-authority.ts';

type ClaimedInvitation = Pick<Invitation, 'id' | 'roleId' | 'domainId' | 'invitedById'>;

/**
 * Claims the invitation of a link, unless it was accepted or revoked, has expired, or the link is used up. Locks what it depends on first, so that
 * `grantInvitedRole` decides with rights that cannot change before the commit. Throws INVALID_TOKEN.
 */
export async function claimInvitation(tx: Tx, { id: linkId, invitationId, emailKey }: InvitationLink): Promise<ClaimedInvitation> {
  const found = await tx.invitation.findUnique({ where: { id: invitationId } });
  if (!found) throw graphqlError('INVALID_TOKEN');
  await lockBasis(tx, found);
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

/**
 * Locks the sender and their grants, the domain and the role. A change to the rights of the sender waits for this transaction, or has taken effect
 * before it (security.md 10.2). Lock order: decision 30.
 */
async function lockBasis(tx: Tx, { invitedById, domainId, roleId }: ClaimedInvitation): Promise<void> {
  await tx.$queryRaw(sql`select 1 from "User" where id = ${invitedById}::uuid for no key update`);
  await tx.$queryRaw(sql`select 1 from "RoleGrant" where "userId" = ${invitedById}::uuid order by id for share`);
  await tx.$queryRaw(sql`select 1 from "Role" where id = ${roleId}::uuid for key share`);
  if (domainId) await lockDomainPath(tx, domainId);
}
