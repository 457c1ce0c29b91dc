import { isSerializationFailure } from '../errors.ts';
import type { PrismaClient } from './generated/prisma/client.ts';

const maxRetries = 3; // security.md 23.4

/** Repeats a statement or a transaction that failed only because of a concurrent one: the database has rolled it back. */
export async function retryOnConflict<T>(attempt: () => Promise<T>, retries = maxRetries): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    if (retries === 0 || !isSerializationFailure(error)) throw error;
    await new Promise((resolve) => setTimeout(resolve, 5 + Math.floor(performance.now() % 20)));
    return retryOnConflict(attempt, retries - 1);
  }
}

/** Makes every transaction of the client repeat itself after a conflict. */
export function retryTransactions(prisma: PrismaClient): PrismaClient {
  const run = prisma.$transaction.bind(prisma) as (work: unknown, options?: unknown) => Promise<unknown>;
  const $transaction = (work: unknown, options?: unknown) =>
    typeof work === 'function' ? retryOnConflict(() => run(work, options)) : run(work, options);
  return new Proxy(prisma, { get: (target, name) => (name === '$transaction' ? $transaction : Reflect.get(target, name)) });
}
