import { type Sql, sql, type Tx } from '../database/database.ts';
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

/** The templates of notices that someone could cause again and again. */
type Notice = 'newLogin' | 'tokenReused' | 'accessReset' | 'accountDeleted';

/** The users to notify: their ids, in a column of the rows of `from` for which `where` holds. */
interface NotifiedUsers {
  readonly userId: Sql;
  readonly from: Sql;
  readonly where: Sql;
}

/**
 * A statement that queues a notice with this data, in JSON, to each of the users, unless three of its kind were queued to them within an hour, so that they bury no other
 * email (security.md F19). Notices that turned out not to apply do not count.
 */
export const insertNotice = (template: Notice, data: Sql, { userId, from, where }: NotifiedUsers): Sql => sql`
  insert into "OutboxEmail" (template, "userId", data)
  select ${template}, ${userId}, ${data} from ${from} where (${where}) and 3 > (
    select count(*) from "OutboxEmail" m where m."userId" = ${userId} and m.template = ${template} and m."createdAt" > now() - interval '1 h'
      and m.outcome is distinct from 'obsolete')`;

/** Queues a notice like `insertNotice`. The caller must have locked the user. */
export const enqueueNotice = <Name extends Notice>(tx: Pick<Tx, '$executeRaw'>, template: Name, userId: string, data: TemplateData<Name>) =>
  tx.$executeRaw(
    insertNotice(template, sql`${JSON.stringify(data)}::jsonb`, {
      userId: sql`u.id`,
      from: sql`"User" u`,
      where: sql`u.id = ${userId}::uuid`,
    }),
  );

/** The origin of a request, as email templates get it. */
export const requestOrigin = ({ network, agent }: Pick<ClientInfo, 'network' | 'agent'>) => ({ network, agent });

/** The same in SQL. */
export const requestOriginJson = ({ network, agent }: Pick<ClientInfo, 'network' | 'agent'>) =>
  sql`jsonb_build_object('network', ${network}::text, 'agent', ${agent}::text)`;
