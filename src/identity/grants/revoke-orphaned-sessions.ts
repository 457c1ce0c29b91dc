import { onTransaction, type Sql, sql } from '../../database/database.ts';
import type { ActingTransaction } from '../audited-transaction.ts';
import { revokeTokens } from '../tokens/sessions.ts';
import type { UnitOfWork } from '../unit-of-work.ts';

/**
 * Of the tokens "Token" t that were entered through a domain, those whose owner may no longer enter there: no role in it is left, none that holds
 * everywhere, and not ADMIN above. The same as `login` asks for.
 */
export const lostDomainAccess = sql`t."domainId" is not null and not exists (
  with recursive up as (
    select d.id, d."parentId" from "Domain" d where d.id = t."domainId"
    union select a.id, a."parentId" from "Domain" a join up on a.id = up."parentId"
  ) select 1 from up join "RoleGrant" g on g."userId" = t."userId" and (g."expiresAt" is null or g."expiresAt" > now())
    join "Role" r on r.id = g."roleId"
  where g."domainId" is null or g."domainId" = t."domainId" or (g."domainId" = up.id and r.name = 'ADMIN'))`;

/** Ends those of the tokens that the condition on "Token" t finds whose owner may no longer enter the domain that they came through. */
export const revokeOrphanedSessions = ({ tx, viewer }: ActingTransaction, work: UnitOfWork, which: Sql) =>
  revokeTokens(onTransaction(tx), sql`(${which}) and ${lostDomainAccess}`, {
    reason: 'ACCESS_LOST',
    initiator: viewer ? 'ADMIN' : 'SYSTEM',
    actor: viewer,
    work,
  });
