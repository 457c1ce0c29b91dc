import { Redis } from 'ioredis';
import type { Config } from '../../config.ts';
import { type Finding, runCheck } from './finding.ts';

const timeout = 2_000; // milliseconds

/** Checks that Redis responds. No finding if none is configured. */
export const checkRedis = ({ REDIS_URL }: Pick<Config, 'REDIS_URL'>): Promise<Finding[]> =>
  runCheck('Redis', async ({ ok, warning }) => {
    if (!REDIS_URL) return;
    const client = new Redis(REDIS_URL, { lazyConnect: true, connectTimeout: timeout, commandTimeout: timeout, retryStrategy: () => null });
    let cause = 'it does not respond';
    client.on('error', ({ code, message }: NodeJS.ErrnoException) => {
      cause = redisErrors[code ?? ''] ?? message.split('\n', 1)[0] ?? cause;
    });
    try {
      await client.connect();
      await client.ping();
      ok('responds');
    } catch {
      warning(`REDIS_URL: Redis cannot be used: ${cause}. Servers poll the database instead, so revocations arrive later`);
    } finally {
      client.disconnect();
    }
  });

const redisErrors: Record<string, string> = { ECONNREFUSED: 'nothing listens there', ENOTFOUND: 'the host does not exist' };
