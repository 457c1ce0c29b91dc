import type { Config } from '../config.ts';
import { type Database, sql } from '../database/database.ts';
import type { Mail } from '../database/generated/prisma/client.ts';
import { isReserved } from '../identity/accounts/reserved-email.ts';
import { createEmailLink } from '../identity/credentials/create-email-link.ts';
import type { KeyStore } from '../identity/keys/configured-keys.ts';
import { emailKey } from '../lib/email-address.ts';
import type { Logger } from '../lib/logger.ts';
import { type RenderedEmail, renderEmail } from '../mail/render.ts';
import { createMailTransport, isPermanentRejection, type MailTransport } from '../mail/smtp.ts';
import { emailTemplates } from '../mail/templates/registry.ts';
import type { Addressee, Content, EmailTemplate, LinkEmailTemplate } from '../mail/templates/template.ts';

interface Office {
  readonly db: Pick<Database, 'query' | 'prisma'>;
  readonly config: Config;
  readonly keys: Pick<KeyStore, 'secret'>;
  readonly log: Logger;
}

const every = 500; // milliseconds between two looks for what is due
const mostAtOnce = 10; // letters under way: a server that is slow with some still takes the others
const mostAttempts = 30; // with the pauses below more than 24 hours (security.md 11.10)

/** Sends what waits in the outbox, and comes again for what could not be sent. Of many nodes each takes what no other has taken. */
export function startMailDelivery(office: Office): { close(): Promise<void> } {
  const transport = createMailTransport(office.config);
  const underWay = new Set<Promise<void>>();
  let looking: Promise<void> | undefined;
  let isOpen = true;
  const look = async () => {
    const free = mostAtOnce - underWay.size;
    const taken = free > 0 ? await take(office, free) : [];
    for (const mail of taken) {
      const sent = deliver(office, transport, mail)
        .catch((error: Error) => office.log.warn({ mail: mail.id, error: error.message }, 'a letter could not be dealt with'))
        .finally(() => {
          underWay.delete(sent);
          if (taken.length === free) wake(); // more may wait
        });
      underWay.add(sent);
    }
  };
  const wake = () => {
    if (isOpen)
      looking ??= look()
        .catch((error: Error) => office.log.warn({ error: error.message }, 'the outbox could not be read'))
        .finally(() => {
          looking = undefined;
        });
  };
  const clock = setInterval(wake, every).unref();
  return {
    async close() {
      clearInterval(clock);
      isOpen = false;
      await looking;
      const late = new Promise((resolve) => setTimeout(resolve, 5_000).unref()); // of the 30 s of a stop (security.md F34); what is left is sent by another node
      await Promise.race([Promise.all(underWay), late]);
      transport?.close();
    },
  };
}

const known = Object.keys(emailTemplates); // what only a newer version knows is left to its servers

/**
 * Takes letters that are due, for a minute and then longer each time, at most an hour: whoever holds one and dies has only delayed it, and
 * one that fails stands behind those that have not been tried.
 */
const take = ({ db }: Office, most: number) =>
  db.query<Mail>(sql`
    update "Mail" set attempts = attempts + 1, "dueAt" = now() + least(interval '1 min' * power(2, least(attempts, 10)), interval '1 h')
    where id in (select id from "Mail" where "endedAt" is null and "dueAt" <= now() and letter = any(${known}) order by "dueAt" limit ${most} for update skip locked)
    returning *`);

async function deliver(office: Office, transport: MailTransport | undefined, mail: Mail): Promise<void> {
  const { config } = office;
  const addressee = await addresseeOf(office, mail);
  const letter = emailTemplates[mail.letter as keyof typeof emailTemplates] as AnyLetter;
  if (!addressee) return end(office, mail, 'nobody');
  const isWanted = letter.wanted?.(addressee) ?? !('deletedAt' in addressee && addressee.deletedAt);
  if (!isWanted || (await isTaken(office, letter, mail))) return end(office, mail, 'moot');
  const composed = renderEmail(await contentOf(office, letter, mail, addressee));
  const to = mail.address ?? addressee.email;
  if (!transport) return show(office, mail, to, composed);
  try {
    await transport.send({ ...composed, to, messageId: `<${mail.id}@${new URL(config.PUBLIC_URL).hostname}>` });
  } catch (error) {
    return failed(office, mail, error as Error);
  }
  await end(office, mail, 'sent');
}

/** Keeps it, to be looked at. Only in development the log has it too: it opens what it is about. */
async function show(office: Office, mail: Mail, to: string, letter: RenderedEmail): Promise<void> {
  const { config, log } = office;
  const { subject, text } = letter;
  if (config.NODE_ENV === 'development') log.info({ to, subject, text }, 'a letter, which no mail server takes');
  await end(office, mail, 'shown', letter);
}

/** A letter of the table, with to whom the row of the outbox says. */
type AnyLetter = EmailTemplate<object, Addressee> | LinkEmailTemplate<object, Addressee>;

/** Whether the link would give the account an address that another account has: its owner is told nothing, and nobody else anything (security.md 3.1). */
async function isTaken({ db }: Office, letter: AnyLetter, { address, userId }: Mail): Promise<boolean> {
  if (!('link' in letter) || letter.link.purpose !== 'CHANGE_EMAIL') return false;
  const key = emailKey(address ?? '') ?? '';
  const has = await db.prisma.user.findUnique({ where: { emailKey: key }, select: { id: true } });
  return has !== null || isReserved(db.prisma, key, userId ?? undefined);
}

async function addresseeOf({ db }: Office, { userId, invitationId, emailKey }: Mail): Promise<Addressee | null> {
  if (invitationId) return db.prisma.invitation.findUnique({ where: { id: invitationId } });
  if (userId) return db.prisma.user.findUnique({ where: { id: userId } });
  return emailKey ? db.prisma.user.findUnique({ where: { emailKey } }) : null;
}

async function contentOf(office: Office, letter: AnyLetter, mail: Mail, to: Addressee): Promise<Content> {
  const facts = (mail.facts ?? {}) as object;
  return 'link' in letter ? letter.write(facts, to, await createEmailLink(office, letter.link, mail, to)) : letter.write(facts, to);
}

async function failed(office: Office, mail: Mail, error: Error): Promise<void> {
  const { db, log } = office;
  log.warn(
    { mail: mail.id, letter: mail.letter, attempts: mail.attempts, code: (error as NodeJS.ErrnoException).code },
    'a letter was not taken',
  );
  if (isPermanentRejection(error)) return end(office, mail, 'refused');
  if (mail.attempts >= mostAttempts) return end(office, mail, 'given up');
  await db.prisma.mail.updateMany({ where: { id: mail.id }, data: { error: (error as NodeJS.ErrnoException).code ?? 'failed' } });
}

/** What it told is not needed any more; in development, where there is no mail server, the letter itself is kept instead, to be looked at. */
async function end({ db }: Office, { id }: Mail, outcome: string, shown?: RenderedEmail): Promise<void> {
  await db.query(sql`
    update "Mail" set "endedAt" = now(), outcome = ${outcome}, facts = null, shown = ${shown ? JSON.stringify(shown) : null}::jsonb
    where id = ${id}::uuid and "endedAt" is null`);
}
