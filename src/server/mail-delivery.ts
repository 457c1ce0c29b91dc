import type { Config } from '../config.ts';
import { type Database, databaseTime, type Sql, sql } from '../database/database.ts';
import type { OutboxEmail } from '../database/generated/prisma/client.ts';
import { isReserved } from '../identity/accounts/reserved-email.ts';
import { createEmailLink } from '../identity/credentials/create-email-link.ts';
import type { KeyStore } from '../identity/keys/configured-keys.ts';
import { emailKey } from '../lib/email-address.ts';
import { startPoller } from '../lib/poller.ts';
import { inSpan } from '../lib/trace.ts';
import type { Logger } from '../logger.ts';
import { beginOutage, claimProbe, endOutage, isMailServerAvailable, releaseProbe } from '../mail/outage.ts';
import { type RenderedEmail, renderEmail } from '../mail/render.ts';
import { createMailTransport, isPermanentRejection, isServerFailure, type MailTransport } from '../mail/smtp.ts';
import { emailTemplates } from '../mail/templates/registry.ts';
import type { Content, EmailTemplate, LinkEmailTemplate, Recipient } from '../mail/templates/template.ts';
import type { EmailOutcome, Metrics } from '../metrics.ts';

interface Services {
  readonly metrics: Pick<Metrics, 'emails' | 'emailFailures'>;
  readonly db: Pick<Database, 'query' | 'prisma'>;
  readonly config: Config;
  readonly keys: Pick<KeyStore, 'secret'>;
  readonly log: Logger;
}

/** The result of an email. */

/** An email that this node has claimed. */
interface ClaimedEmail extends OutboxEmail {
  /** Milliseconds since it was queued. */
  readonly age: number;
  /** True if its invitation has expired. */
  readonly hasExpiredInvitation: boolean;
}

interface PreparedEmail extends RenderedEmail {
  readonly to: string;
}

const pollInterval = 500; // milliseconds
const maxConcurrent = 10; // a mail server that is slow with some emails still gets the others
const maxAttempts = 30; // with the delays below, more than 24 hours (security.md 11.10)
const stopTimeout = 5_000; // milliseconds, of the 30 s of a stop (security.md F34); other nodes send what is left

/** Sends the emails of the outbox and retries failed ones. Of several nodes each sends those that it has claimed. */
export function startMailDelivery(services: Services): { close(): Promise<void> } {
  const { config, log } = services;
  const transport = createMailTransport(config);
  const sending = new Set<Promise<void>>();
  const sendDueEmails = async () => {
    const free = maxConcurrent - sending.size;
    const { emails, isProbe } = await claim(services, free);
    for (const email of emails) {
      const result = inSpan(spanOf(email), () => deliver(services, transport, email, isProbe))
        .catch((error: Error) => recordDefect(services, email, error))
        .finally(() => {
          sending.delete(result);
          if (emails.length === free || isProbe) poller.wake(); // more may be due
        });
      sending.add(result);
    }
  };
  const poller = startPoller(sendDueEmails, {
    interval: pollInterval,
    onFailure: (error) => log.warn({ event: 'sys_polling_failed', error: error.message }, 'reading the outbox failed; retrying'),
  });
  return {
    async close() {
      await poller.stop();
      const timeout = new Promise((resolve) => setTimeout(resolve, stopTimeout).unref());
      await Promise.race([Promise.all(sending), timeout]);
      transport?.close();
    },
  };
}

const spanOf = ({ template }: ClaimedEmail) => ({ name: 'deliver email', attributes: { 'fieldgate.email.template': template } });

const templateNames = Object.keys(emailTemplates); // emails of a newer version are left to its servers

/** Emails that someone waits for: they are sent first, and retried sooner while they are new. */
const urgentTemplates = Object.entries(emailTemplates).flatMap(([name, template]) => ('link' in template ? [name] : []));

/** Claims emails to send: those that are due or, at intervals while the mail server is unavailable, a single one. */
async function claim(services: Services, limit: number): Promise<{ readonly emails: readonly ClaimedEmail[]; readonly isProbe: boolean }> {
  if (limit <= 0) return { emails: [], isProbe: false };
  const urgentFirst = sql`template = any(${urgentTemplates}) desc, "dueAt"`;
  const emails = await claimDueEmails(services, isMailServerAvailable, urgentFirst, limit);
  if (emails.length > 0 || !(await claimProbe(services))) return { emails, isProbe: false };
  // In turn, so that no email that fails for another reason keeps the server from being found available.
  return { emails: await claimDueEmails(services, sql`true`, sql`"dueAt"`, 1), isProbe: true };
}

/**
 * Claims due emails for a minute, then longer with each attempt, up to an hour: a server that dies only delays its emails, and an email that fails
 * is tried after those not tried yet. One that someone waits for is tried every minute for an hour.
 */
const claimDueEmails = ({ db }: Services, condition: Sql, order: Sql, limit: number) =>
  db.query<ClaimedEmail>(sql`
    update "OutboxEmail" set attempts = attempts + 1, "dueAt" = now() + case
      when template = any(${urgentTemplates}) and "createdAt" > now() - interval '1 h' then interval '1 min'
      else least(interval '1 min' * power(2, least(attempts, 10)), interval '1 h') end
    where id in (
      select id from "OutboxEmail" where "completedAt" is null and "dueAt" <= now() and template = any(${templateNames}) and ${condition}
      order by ${order} limit ${limit} for update skip locked)
    returning *, (extract(epoch from now() - "createdAt") * 1000)::float8 as age,
      exists (select from "Invitation" i where i.id = "invitationId" and i."expiresAt" <= now()) as "hasExpiredInvitation"`);

async function deliver(services: Services, transport: MailTransport | undefined, email: ClaimedEmail, isProbe: boolean): Promise<void> {
  const { config } = services;
  const message = await prepare(services, email).catch((error: Error) => recordDefect(services, email, error));
  if (!transport || !message) {
    if (message) await preview(services, email, message);
    if (isProbe) await releaseProbe(services); // it says nothing about the mail server
    return;
  }
  try {
    await transport.send({ ...message, messageId: `<${email.id}@${new URL(config.PUBLIC_URL).hostname}>` });
  } catch (error) {
    return recordFailure(services, transport, email, error as NodeJS.ErrnoException);
  }
  if (isProbe) await endOutage(services);
  await complete(services, email, 'sent');
}

/** Writes the email. Completes it and returns undefined if it is not to be sent any more. */
async function prepare(services: Services, email: ClaimedEmail): Promise<PreparedEmail | undefined> {
  const skip = async (outcome: EmailOutcome) => void (await complete(services, email, outcome));
  const recipient = await findRecipient(services, email);
  if (!recipient) return skip('no_recipient');
  const template = emailTemplates[email.template as keyof typeof emailTemplates] as AnyTemplate;
  const now = await databaseTime(services.db);
  if (!isWanted(template, recipient, now) || (await isEmailTaken(services, template, email))) return skip('obsolete');
  if (hasExpired(template, email)) return skip('expired');
  const content = await writeContent(services, template, email, recipient);
  if (!content) return skip('obsolete');
  return { ...renderEmail(content), to: email.address ?? recipient.email };
}

/** True if the email has waited for longer than its link is valid: its recipient does not expect it any more. */
const hasExpired = (template: AnyTemplate, { age, hasExpiredInvitation }: ClaimedEmail) =>
  'link' in template && (hasExpiredInvitation || age > (template.link.lifetime ?? Number.POSITIVE_INFINITY));

async function findRecipient({ db }: Services, { userId, invitationId, emailKey }: OutboxEmail): Promise<Recipient | null> {
  if (invitationId) return db.prisma.invitation.findUnique({ where: { id: invitationId } });
  if (userId) return db.prisma.user.findUnique({ where: { id: userId } });
  return emailKey ? db.prisma.user.findUnique({ where: { emailKey } }) : null;
}

/** A template of the registry. Its data and its recipient come from the row in the outbox, so their types are not known here. */
type AnyTemplate = EmailTemplate<object, Recipient> | LinkEmailTemplate<object, Recipient>;

function isWanted(template: AnyTemplate, recipient: Recipient, now: Date): boolean {
  if (template.isWanted) return template.isWanted(recipient, now);
  return !('deletedAt' in recipient && recipient.deletedAt);
}

/** True if the link would move the account to an address of another account: its owner must not learn of the attempt, nor the caller of the account (security.md 3.1). */
async function isEmailTaken({ db }: Services, template: AnyTemplate, { address, userId }: OutboxEmail): Promise<boolean> {
  if (!('link' in template) || template.link.purpose !== 'CHANGE_EMAIL') return false;
  const key = emailKey(address ?? '') ?? '';
  const owner = await db.prisma.user.findUnique({ where: { emailKey: key }, select: { id: true } });
  return owner !== null || isReserved(db.prisma, key, userId ?? undefined);
}

/** Undefined if the email has become obsolete, so that its link was not created. */
async function writeContent(
  services: Services,
  template: AnyTemplate,
  email: OutboxEmail,
  recipient: Recipient,
): Promise<Content | undefined> {
  const data = (email.data ?? {}) as object;
  if (!('link' in template)) return template.write(data, recipient);
  const isStillWanted = (current: Recipient, now: Date) => isWanted(template, current, now);
  const link = await createEmailLink(services, { options: template.link, email, recipient, isWanted: isStillWanted });
  return link && template.write(data, recipient, link);
}

/** Without a mail server: keeps the email for /dev/mails. In development it is logged as well; elsewhere the log must not contain its link. */
async function preview(services: Services, email: OutboxEmail, { to, ...rendered }: PreparedEmail): Promise<void> {
  const { config, log } = services;
  const { subject, text } = rendered;
  if (config.NODE_ENV === 'development')
    log.info({ event: 'sys_email_previewed', to, subject, text }, 'email not sent: no SMTP_URL is set');
  await complete(services, email, 'previewed', rendered);
}

/**
 * Records why an email was not sent. If the server accepts none, the email waits until it does, and the attempt does not count: however long the
 * server is unavailable, no email is given up.
 */
async function recordFailure(
  services: Services,
  transport: MailTransport,
  email: OutboxEmail,
  error: NodeJS.ErrnoException,
): Promise<void> {
  const { db, log, metrics } = services;
  const { id, template, attempts } = email;
  metrics.emailFailures.inc();
  const code = error.code ?? 'failed';
  const { responseCode: replyCode } = error as { readonly responseCode?: number }; // its text may contain the address
  log.warn({ event: 'sys_mail_failed', email: id, template, attempts, code, replyCode }, 'email delivery failed');
  if (await isServerFailure(transport, error)) {
    await beginOutage(services, error);
    await db.query(
      sql`update "OutboxEmail" set attempts = attempts - 1, "dueAt" = now(), error = ${code} where id = ${id}::uuid and "completedAt" is null`,
    );
    return;
  }
  await endOutage(services);
  if (isPermanentRejection(error)) return complete(services, email, 'rejected');
  if (attempts >= maxAttempts) return complete(services, email, 'failed');
  await db.prisma.outboxEmail.updateMany({ where: { id }, data: { error: code } });
}

/** An email that cannot be written, because its data is damaged, is given up like one that cannot be sent. */
async function recordDefect(services: Services, email: OutboxEmail, { message }: Error): Promise<void> {
  services.log.warn({ event: 'sys_mail_failed', email: email.id, error: message }, 'processing an email failed');
  if (email.attempts >= maxAttempts) await complete(services, email, 'failed').catch(() => {}); // it is tried again
}

/** Records the outcome and deletes the data of the email. */
async function complete({ db, metrics }: Services, { id }: OutboxEmail, outcome: EmailOutcome, rendered?: RenderedEmail): Promise<void> {
  await db.query(sql`
    update "OutboxEmail" set "completedAt" = now(), outcome = ${outcome}, data = null, preview = ${rendered ? JSON.stringify(rendered) : null}::jsonb
    where id = ${id}::uuid and "completedAt" is null`);
  metrics.emails.inc({ outcome });
}
