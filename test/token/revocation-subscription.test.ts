import { afterAll, describe, expect, it } from 'vitest';
import { graphqlError } from '../../src/errors.ts';
import { createContext } from '../../src/graphql/context.ts';
import { createPendingEvents } from '../../src/identity/unit-of-work.ts';
import { createLogger } from '../../src/logger.ts';
import { RevocationSubscription } from '../../src/schema/token/revocation-subscription.ts';
import { createServices } from '../../src/server/services.ts';
import { startTestServer, type TestUser } from '../test-server.ts';
import { readRevocations } from './revocation-log.ts';

const server = await startTestServer();
const { services, close } = await createServices(server.config, createLogger('silent'), server.db);
afterAll(close);

/** A subscription of a user, as the `subscribe` function of the field opens it. */
async function openSubscription(user: TestUser, args: ConstructorParameters<typeof RevocationSubscription>[1]) {
  const loaded = await services.loadViewer.load({
    sid: Buffer.from(user.tokenId, 'base64').toString().replace('Token:', ''),
    sub: user.uuid,
  });
  const unitOfWork = { client: { network: '10.0.0.1', agent: null, requestId: 'test' }, events: createPendingEvents() };
  const context = createContext(services, unitOfWork, loaded?.viewer ?? null);
  return new RevocationSubscription(context, args, false);
}

async function someCursor() {
  const user = await server.user();
  await user.query('mutation { logout { ended } }');
  const superadmin = await server.user('SUPERADMIN');
  const [first] = await readRevocations(superadmin, 'all: true');
  return first?.cursor ?? '';
}

describe.each([
  ['without a cursor', async () => null],
  ['from a cursor', someCursor],
])('a subscription that starts %s', (_, cursor) => {
  it('ends when the client leaves while its arguments are resolved', async () => {
    const subscription = await openSubscription(await server.user(), { after: await cursor() });
    const next = subscription.next();
    await subscription.return();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  it('reports an error that occurs while its arguments are resolved', async () => {
    const subscription = await openSubscription(await server.user(), { after: await cursor() });
    const next = subscription.next();
    subscription.fail(graphqlError('TOKEN_EXPIRED'));
    await expect(next).rejects.toMatchObject({ extensions: { code: 'TOKEN_EXPIRED' } });
    await subscription.return();
  });
});

describe('a subscription whose client takes an event late', () => {
  it('ends before that event if the viewer has lost access since the one before', async () => {
    const [admin, after] = [await server.user('ADMIN'), await someCursor()];
    for (let count = 0; count < 3; count += 1) await (await server.user()).query('mutation { logout { ended } }');
    const subscription = await openSubscription(admin, { all: true, after });
    expect((await subscription.next()).done).toBe(false);
    await server.db.prisma.roleGrant.deleteMany({ where: { userId: admin.uuid } });
    await new Promise((resolve) => setTimeout(resolve, 300)); // longer than a check of access holds
    await expect(subscription.next()).rejects.toMatchObject({ extensions: { code: 'FORBIDDEN' } });
  });
});
