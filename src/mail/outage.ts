import { type Database, interval, sql } from '../database/database.ts';
import type { Logger } from '../logger.ts';
import { describeServerFailure } from './smtp.ts';

interface Services {
  readonly db: Pick<Database, 'query'>;
  readonly log: Logger;
}

// Milliseconds. A mail server that hangs takes 10 s more to fail, so emails go out within 30 s after it is back.
const probeInterval = 15_000;

/** A condition that is false while the mail server is unavailable: all nodes hold their emails. */
export const isMailServerAvailable = sql`not exists (select from "MailOutage")`;

/** Records that the mail server accepts no email at all, and logs why, with the setting that may be the cause. */
export async function beginOutage({ db, log }: Services, error: NodeJS.ErrnoException): Promise<void> {
  const { code = 'failed' } = error;
  const begun = await db.query(sql`
    insert into "MailOutage" (id, code, "probeAt") values (1, ${code.slice(0, 63)}, now() + ${interval(probeInterval)})
    on conflict (id) do nothing returning 1`);
  if (begun.length === 0) return;
  const { fields, message } = describeServerFailure(error);
  log.error({ event: 'sys_mail_unavailable', ...fields }, `${message}; all emails wait, and one at a time probes it`);
}

/** Claims the next probe of an unavailable mail server. Atomic: of several nodes one gets it. */
export async function claimProbe({ db }: Pick<Services, 'db'>): Promise<boolean> {
  const claimed = await db.query(sql`
    update "MailOutage" set "probeAt" = now() + ${interval(probeInterval)} where "probeAt" <= now() returning 1`);
  return claimed.length > 0;
}

/** Lets the next probe start at once, because the claimed one did not reach the mail server. */
export async function releaseProbe({ db }: Pick<Services, 'db'>): Promise<void> {
  await db.query(sql`update "MailOutage" set "probeAt" = now()`);
}

/** Records that the mail server responds again: every node sends what waits. */
export async function endOutage({ db, log }: Services): Promise<void> {
  const [ended] = await db.query<{ since: Date }>(sql`delete from "MailOutage" returning "since"`);
  if (ended) log.info({ event: 'sys_mail_available', since: ended.since }, 'the mail server is available again');
}
