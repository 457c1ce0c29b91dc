import { Redis } from 'ioredis';
import type { Config } from '../../config.ts';
import type { Database } from '../../database/database.ts';
import type { Logger } from '../../lib/logger.ts';
import type { PendingEvents } from '../unit-of-work.ts';
import { channels } from './revocation-channel.ts';

/** How nodes wake each other after an event: by NOTIFY, in the commit, or through Redis, after it. A hint: the tables are the truth. */
export interface Notifier extends Pick<Database, 'listen'> {
  /** Announces the events of a unit of work that has ended, once: wakes all nodes if there are any. */
  flush(events: PendingEvents): void;
  close(): void;
}

/** Without Redis the database itself wakes the nodes. Does not wait for Redis: nothing but a wake-up is lost without it. */
export function createNotifier({ REDIS_URL }: Pick<Config, 'REDIS_URL'>, { listen }: Pick<Database, 'listen'>, log: Logger): Notifier {
  return REDIS_URL ? overRedis(REDIS_URL, log) : { listen, flush: () => {}, close: () => {} };
}

function overRedis(url: string, log: Logger): Notifier {
  const publisher = new Redis(url, { ...patience, enableOfflineQueue: false, autoResendUnfulfilledCommands: false });
  const subscriber = new Redis(url, patience);
  const here = new Set<() => void>();
  const wakeHere = () => {
    for (const heard of here) heard();
  };
  let isAway = false;
  publisher.on('error', ({ message }) => {
    if (!isAway) log.warn({ error: message }, 'Redis does not answer; until it does, nodes look into the database by themselves');
    isAway = true;
  });
  publisher.on('ready', () => {
    if (isAway) log.info('Redis answers again');
    isAway = false;
  });
  subscriber.on('error', () => {}).on('ready', wakeHere); // what was told meanwhile was missed; of errors the other connection speaks
  subscriber.on('message', wakeHere);
  subscriber.subscribe(channels.tokenRevoked).catch(() => {}); // only closing ends the attempts
  return {
    listen: async (_, heard) => {
      here.add(heard);
      return async () => void here.delete(heard);
    },
    flush: (events) => {
      if (!events.tokenRevoked) return;
      events.tokenRevoked = false;
      wakeHere();
      publisher.publish(channels.tokenRevoked, '').catch(() => {}); // readers look by themselves, twice a second
    },
    close: () => {
      publisher.disconnect();
      subscriber.disconnect();
    },
  };
}

const patience = {
  connectTimeout: 2_000,
  socketTimeout: 1_000, // a Redis that hangs is as good as none, and what waits for it takes memory
  maxRetriesPerRequest: null,
  retryStrategy: (times: number) => Math.min(50 * times, 1_000),
  keepAlive: 10_000,
};
