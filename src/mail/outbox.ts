import type { Tx } from '../database/database.ts';
import type { Prisma } from '../database/generated/prisma/client.ts';
import type { ClientInfo } from '../lib/client-info.ts';
import type { EmailTemplateName, TemplateData } from './templates/registry.ts';

/**
 * The recipient of an email: a user, at their address when it is sent or at a given one (a previous or a new address); an invitation; or the
 * user who has an address when the email is sent, if any.
 */
export type EmailRecipient =
  | { readonly userId: string; readonly address?: string }
  | { readonly invitationId: string }
  | { /** An address in the form of `emailKey`. */ readonly emailKey: string };

/**
 * Queues an email in the transaction of its cause: it is sent once that is committed. Looks up no account, so that it takes the same time
 * whether or not an address has one (security.md 3.2).
 */
export async function enqueueEmail<Name extends EmailTemplateName>(
  tx: Pick<Tx, 'outboxEmail'>,
  template: Name,
  recipient: EmailRecipient,
  data: TemplateData<Name>,
) {
  await tx.outboxEmail.create({ data: { template, ...recipient, data: data as Prisma.InputJsonObject }, select: { id: true } });
}

/** The origin of a request, as email templates get it. */
export const requestOrigin = ({ network, agent }: ClientInfo) => ({ network, agent });
