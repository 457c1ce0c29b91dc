import { onTransaction, sql } from '../../database/database.ts';
import type { ActingTransaction } from '../audited-transaction.ts';
import { revokeTokens } from '../tokens/sessions.ts';
import type { UnitOfWork } from '../unit-of-work.ts';
import { descendants } from './domain-tree.ts';

/** Revokes every session and API token of the domain and of those below it. */
export const revokeDomainSessions = (
  { tx, viewer }: ActingTransaction,
  work: UnitOfWork,
  domainId: string,
  reason: 'DOMAIN_DISABLED' | 'DOMAIN_DELETED',
) => revokeTokens(onTransaction(tx), sql`t."domainId" in (${descendants(domainId)})`, { reason, initiator: 'ADMIN', actor: viewer, work });
