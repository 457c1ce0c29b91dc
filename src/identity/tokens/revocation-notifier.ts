import { Redis } from 'ioredis';
import type { Config } from '../../config.ts';
import type { Database } from '../../database/database.ts';
import type { Logger } from '../../logger.ts';
import type { PendingEvents } from '../unit-of-work.ts';
import { channels } from './revocation-channel.ts';

/** Notifies all nodes of events: by NOTIFY in the transaction, or through Redis after it. Notifications are hints and may be lost. */
export interface Notifier extends Pick<Database, 'listen'> {
  /** Announces the events of a unit of work after its commit, once. */
  flush(events: PendingEvents): void;
  close(): void;
}

// While Redis is unreachable, nodes find events by polling, so no command waits for it.
const redisOptions = {
  connectTimeout: 2_000,
  socketTimeout: 1_000, // commands that wait for a hanging Redis take memory
  maxRetriesPerRequest: null,
  retryStrategy: (attempt: number) => Math.min(50 * attempt, 1_000),
  keepAlive: 10_000,
};

export function createNotifier({ REDIS_URL }: Pick<Config, 'REDIS_URL'>, { listen }: Pick<Database, 'listen'>, log: Logger): Notifier {
  // Without Redis, the statement that records an event also sends NOTIFY.
  return REDIS_URL ? createRedisNotifier(REDIS_URL, log) : { listen, flush: () => {}, close: () => {} };
}

function createRedisNotifier(url: string, log: Logger): Notifier {
  const publisher = new Redis(url, { ...redisOptions, enableOfflineQueue: false, autoResendUnfulfilledCommands: false });
  const subscriber = new Redis(url, redisOptions);
  const listeners = new Set<() => void>();
  const notifyListeners = () => {
    for (const listener of listeners) listener();
  };
  let isUnavailable = false;
  publisher.on('error', ({ message }) => {
    if (!isUnavailable)
      log.warn({ event: 'sys_redis_unavailable', error: message }, 'Redis is unavailable; polling the database until it is back');
    isUnavailable = true;
  });
  publisher.on('ready', () => {
    if (isUnavailable) log.info({ event: 'sys_redis_available' }, 'Redis is available again');
    isUnavailable = false;
  });
  subscriber.on('error', () => {}); // the publisher logs it
  subscriber.on('ready', notifyListeners); // notifications may have been missed
  subscriber.on('message', notifyListeners);
  subscriber.subscribe(channels.tokenRevoked).catch(() => {}); // retried until the connection is closed
  return {
    async listen(_, listener) {
      listeners.add(listener);
      return async () => void listeners.delete(listener);
    },
    flush(events) {
      if (!events.tokenRevoked) return;
      events.tokenRevoked = false;
      notifyListeners();
      publisher.publish(channels.tokenRevoked, '').catch(() => {}); // other nodes poll
    },
    close() {
      publisher.disconnect();
      subscriber.disconnect();
    },
  };
}
