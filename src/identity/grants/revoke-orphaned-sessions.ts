import { onTransaction, type Sql, sql } from '../../database/database.ts';
import type { ActingTransaction } from '../audited-transaction.ts';
import { mayBeInDomain } from '../live-token.ts';
import { revokeTokens } from '../tokens/sessions.ts';
import type { UnitOfWork } from '../unit-of-work.ts';

/** A condition on "Token" t: it was issued for a domain that its user may no longer enter. */
export const lostDomainAccess = sql`not ${mayBeInDomain}`;

/** Of the tokens that match the condition on "Token" t, revokes those whose user may no longer enter their domain. */
export const revokeOrphanedSessions = ({ tx, viewer }: ActingTransaction, work: UnitOfWork, where: Sql) =>
  revokeTokens(onTransaction(tx), sql`(${where}) and ${lostDomainAccess}`, {
    reason: 'ACCESS_LOST',
    initiator: viewer ? 'ADMIN' : 'SYSTEM',
    actor: viewer,
    work,
  });
