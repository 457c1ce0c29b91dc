import { describe, expect, it } from 'vitest';
import { startTestServer, waitUntil } from '../test-server.ts';
import { createReceiver, recordRevocations } from './event-receiver.ts';

const server = await startTestServer();
const { prisma } = server.db;

/** Whether the promise is still open a little later. */
const isOpen = async (promise: Promise<unknown>) =>
  Promise.race([promise.then(() => false), new Promise<true>((resolve) => setTimeout(resolve, 300, true))]);

describe('a poll that waits', () => {
  it('is answered as soon as something ends', async () => {
    const [program, alice] = [await createReceiver(server), await server.user()];
    const waiting = program.poll({});
    expect(await isOpen(waiting)).toBe(true);
    await alice.query('mutation { logout { ended } }');
    expect((await waiting).events).toMatchObject([{ sub_id: { user: { sub: alice.uuid } } }]);
  });

  it('is answered at once where something waits', async () => {
    const program = await createReceiver(server);
    const ids = await recordRevocations(server, 2);
    expect((await program.poll({})).ids).toEqual(ids);
  });

  it('is refused when its own token ends', async () => {
    const program = await createReceiver(server);
    const waiting = program.poll({});
    expect(await isOpen(waiting)).toBe(true);
    await program.owner.query('mutation ($id: ID!) { revokeToken(input: { id: $id }) { changed } }', { id: program.globalId });
    expect(await waiting).toMatchObject({ status: 401, json: { error: 'invalid_client' }, ids: [] });
  });

  it('hears nothing more once the right was taken', async () => {
    const [program, alice] = [await createReceiver(server), await server.user()];
    const waiting = program.poll({});
    expect(await isOpen(waiting)).toBe(true);
    await prisma.roleGrant.deleteMany({ where: { userId: program.owner.uuid, role: { builtIn: false } } });
    await alice.query('mutation { logout { ended } }');
    expect((await waiting).json).not.toHaveProperty('sets');
  });

  it('is answered with nothing when the server stops', async () => {
    const other = await startTestServer();
    const program = await createReceiver(other);
    const waiting = program.poll({});
    expect(await isOpen(waiting)).toBe(true);
    const closing = other.close();
    expect(await waiting).toMatchObject({ status: 200, json: { sets: {}, moreAvailable: false } });
    await closing;
  });

  it('holds nothing when its receiver goes away', async () => {
    const program = await createReceiver(server);
    const leaving = new AbortController();
    const gone = fetch(`${server.url}/events/poll`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${program.secret}` },
      body: '{}',
      signal: leaving.signal,
    }).catch((error: Error) => error.name);
    expect(await isOpen(gone)).toBe(true);
    leaving.abort();
    expect(await gone).toBe('AbortError');
    const ids = await recordRevocations(server, 1);
    expect((await program.poll({})).ids).toEqual(ids);
  });
});

/** Takes all records out of the log that there are, as the clock does after 30 days. */
async function trim() {
  await prisma.revocationCommit.updateMany({ data: { trimmed: true } });
  await prisma.tokenRevocation.deleteMany();
}

describe('a receiver that did not acknowledge events before they were taken out of the log', () => {
  it('is told so by an event, until it acknowledges that, and then goes on', async () => {
    const program = await createReceiver(server);
    await recordRevocations(server, 2);
    await trim();
    const { sets, ids, events } = await program.now();
    expect([ids.length, ids[0]]).toEqual([1, expect.stringMatching(/^stream-updated\./)]);
    expect(events).toMatchObject([
      {
        jti: ids[0],
        sub_id: { format: 'opaque', id: program.id },
        events: { 'https://schemas.openid.net/secevent/ssf/event-type/stream-updated': { status: 'enabled', reason: expect.any(String) } },
      },
    ]);
    const later = await recordRevocations(server, 1);
    expect(Object.keys((await program.now({ ack: later })).sets)).toHaveLength(1);
    expect(Object.keys(sets)).toEqual(ids);
    const after = await program.now({ ack: ids });
    expect(after.ids).toEqual(later); // what came after it was told is not lost
    expect((await program.now({ ack: later })).ids).toEqual([]);
  });

  it('is not told so where it had acknowledged them all', async () => {
    const program = await createReceiver(server);
    const ids = await recordRevocations(server, 2);
    await program.now({ ack: ids });
    await trim();
    expect((await program.now()).ids).toEqual([]);
    const later = await recordRevocations(server, 1);
    expect((await program.now()).ids).toEqual(later);
  });

  it('cannot leave out events by saying so', async () => {
    const program = await createReceiver(server);
    const ids = await recordRevocations(server, 2);
    const cursor = Buffer.from('999999.0').toString('base64url');
    expect((await program.now({ ack: [`stream-updated.${cursor}`] })).ids).toEqual(ids);
    await trim();
    const before = await prisma.eventReceiver.findUnique({ where: { tokenId: program.id } });
    expect((await program.now({ ack: [`stream-updated.${cursor}`] })).ids[0]).toMatch(/^stream-updated\./);
    expect(await prisma.eventReceiver.findUnique({ where: { tokenId: program.id } })).toEqual(before);
  });

  it('is forgotten with its token', async () => {
    const program = await createReceiver(server);
    await waitUntil(() => prisma.eventReceiver.findUnique({ where: { tokenId: program.id } }));
    await prisma.token.delete({ where: { id: program.id } });
    expect(await prisma.eventReceiver.findUnique({ where: { tokenId: program.id } })).toBeNull();
  });
});
