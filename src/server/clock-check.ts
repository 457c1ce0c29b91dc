import { maxClockOffset, measureClockOffset } from '../database/clock-offset.ts';
import type { Database } from '../database/database.ts';
import { type Poller, startPoller } from '../lib/poller.ts';
import type { Logger } from '../logger.ts';

const interval = 10_000; // milliseconds

/** Logs when the clock of this node is off from that of the database, and when it is right again (security.md 23.10). */
export function startClockCheck({ db, log }: { readonly db: Pick<Database, 'query'>; readonly log: Logger }): Poller {
  let isOff = false;
  const check = async () => {
    const offset = await measureClockOffset(db);
    const wasOff = isOff;
    isOff = Math.abs(offset) > maxClockOffset;
    if (isOff)
      log.error(
        { event: 'sys_clock_off', seconds: Math.round(offset / 1_000) },
        'the clock of this node differs from that of the database: not ready',
      );
    else if (wasOff) log.info({ event: 'sys_clock_right' }, 'the clock of this node agrees with that of the database again');
  };
  const poller = startPoller(check, {
    interval,
    onFailure: (error) =>
      log.warn({ event: 'sys_polling_failed', error: error.message }, 'reading the time of the database failed; retrying'),
  });
  poller.wake();
  return poller;
}
