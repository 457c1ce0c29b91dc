import type { Tx } from '../database/database.ts';
import type { Prisma } from '../database/generated/prisma/client.ts';
import type { ClientInfo } from '../lib/client-info.ts';
import type { EmailTemplateName, TemplateData } from './templates/registry.ts';

/**
 * To whom a letter goes: a user, at the address that is theirs when it is sent; whoever has an address then, and nobody where nobody does;
 * a user at another address, one that they had or want; or whoever is invited.
 */
export type Recipient =
  | { readonly userId: string; readonly address?: string }
  | { readonly invitationId: string }
  | { /** An address in the form of `emailKey`. */ readonly emailKey: string };

/**
 * Writes a letter into the outbox, in the transaction of its cause: it is sent when that is committed, and never when it is not. Looks
 * nobody up, so that it takes no longer for an address that has an account (security.md 3.2).
 */
export async function enqueueEmail<Name extends EmailTemplateName>(
  tx: Pick<Tx, 'mail'>,
  letter: Name,
  recipient: Recipient,
  facts: TemplateData<Name>,
) {
  await tx.mail.create({ data: { letter, ...recipient, facts: facts as Prisma.InputJsonObject }, select: { id: true } });
}

/** From where the client asks, as letters tell it. */
export const requestOrigin = ({ network, agent }: ClientInfo) => ({ network, agent });
