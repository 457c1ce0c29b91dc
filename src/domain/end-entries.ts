import type { Write } from '../access/write.ts';
import type { Client } from '../context.ts';
import { sql, within } from '../db.ts';
import { revoke } from '../token/lifecycle.ts';
import { downwards } from './tree.ts';

/** Ends every session and API token that was entered through the domain or one below it: what is shut above is shut below. */
export const endEntries = ({ tx, viewer }: Write, client: Client, domainId: string, reason: 'DOMAIN_DISABLED' | 'DOMAIN_DELETED') =>
  revoke(within(tx), sql`t."domainId" in (${downwards(domainId)})`, { reason, initiator: 'ADMIN', actor: viewer, client });
