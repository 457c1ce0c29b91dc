import type { Write } from '../../graphql/mutation.ts';
import type { Client } from '../../graphql/context.ts';
import { sql, within } from '../../database/database.ts';
import { revoke } from '../tokens/sessions.ts';
import { downwards } from './domain-tree.ts';

/** Ends every session and API token that was entered through the domain or one below it: what is shut above is shut below. */
export const endEntries = ({ tx, viewer }: Write, client: Client, domainId: string, reason: 'DOMAIN_DISABLED' | 'DOMAIN_DELETED') =>
  revoke(within(tx), sql`t."domainId" in (${downwards(domainId)})`, { reason, initiator: 'ADMIN', actor: viewer, client });
