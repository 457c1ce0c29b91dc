import { chainAllEvents } from '../../src/identity/audit/audit-chain.ts';
import { type TestServer, waitUntil } from '../test-server.ts';

/** Waits until all events are in the chain, and so in the lists. */
export const waitForChain = ({ db }: Pick<TestServer, 'db'>) =>
  waitUntil(async () => {
    await chainAllEvents(db);
    return (await db.prisma.auditQueue.count()) === 0;
  });
