import { sql, type Tx } from '../../database/database.ts';
import type { Invitation, Link } from '../../database/generated/prisma/client.ts';
import { graphqlError } from '../../errors.ts';
import type { Context } from '../../graphql/context.ts';
import { recordAuditEvent } from '../../identity/audit/record-event.ts';
import { loadUserAsViewer } from '../../identity/viewer.ts';
import { canGrantAny } from '../role/grant-authority.ts';

type Claimed = Pick<Invitation, 'id' | 'roleId' | 'domainId' | 'invitedById'>;

/** Claims the invitation of a link in one statement: not twice, not late, not once it was revoked. Throws INVALID_TOKEN. */
export async function claimInvitation(tx: Tx, { invitationId, addressKey }: Pick<Link, 'invitationId' | 'addressKey'>): Promise<Claimed> {
  const [invitation] = await tx.$queryRaw<Claimed[]>(sql`
    with claimed as (
      update "Invitation" set "acceptedAt" = now() where id = ${invitationId}::uuid and "emailKey" = ${addressKey}
        and "acceptedAt" is null and "revokedAt" is null and "expiresAt" > now() returning *
    ), used as (
      update "Link" set "usedAt" = now() where "invitationId" in (select id from claimed)
    ) select id::text, "roleId"::text, "domainId"::text, "invitedById"::text from claimed`);
  if (!invitation) throw graphqlError('INVALID_TOKEN');
  return invitation;
}

/** Grants what the invitation promises, if who sent it could grant it to that user at this moment. Throws INVALID_TOKEN. */
export async function grantInvitedRole(tx: Tx, by: Pick<Context, 'client' | 'viewer'>, invitation: Claimed, userId: string): Promise<void> {
  const { id, roleId, domainId, invitedById } = invitation;
  // Whoever demotes or disables the inviter waits until this is done, or has done it before (security.md 10.2).
  await tx.$queryRaw(sql`select 1 from "User" where id = ${invitedById}::uuid for key share`);
  await tx.$queryRaw(sql`select 1 from "RoleGrant" where "userId" = ${invitedById}::uuid for share`);
  if (domainId) await tx.$queryRaw(sql`select 1 from "Domain" where id = ${domainId}::uuid for key share`);
  const which = { userId, roleId, domainId };
  await tx.roleGrant.deleteMany({ where: { ...which, expiresAt: { lte: new Date() } } });
  const { count } = await tx.roleGrant.createMany({ data: { ...which, grantedById: invitedById }, skipDuplicates: true });
  const domain = domainId && (await tx.domain.findUniqueOrThrow({ where: { id: domainId }, select: { name: true } }));
  const role = await tx.role.findUniqueOrThrow({ where: { id: roleId } });
  const inviter = await loadUserAsViewer(tx, invitedById);
  if (!inviter || !(await canGrantAny(tx, inviter, { userId, role, domainId }))) throw graphqlError('INVALID_TOKEN');
  const grant = await tx.roleGrant.findFirstOrThrow({ where: which });
  const details = { role: role.name, domain: domain ? domain.name : null, invitationId: id, invitedById, changed: count > 0 };
  const about = { userId, domainId, target: ['RoleGrant', grant.id] } as const;
  await recordAuditEvent(tx, by.client, by.viewer, {
    action: 'privilege_permissions_changed',
    reason: 'invitation accepted',
    ...about,
    details,
  });
}
