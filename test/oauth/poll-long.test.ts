import { describe, expect, it } from 'vitest';
import { formatCursor } from '../../src/identity/tokens/revocation-cursor.ts';
import { startTestServer, waitUntil } from '../test-server.ts';
import { createReceiver, recordRevocations } from './event-receiver.ts';

const server = await startTestServer();
const { prisma } = server.db;

/** True if the promise is still pending after 300 ms. */
const isOpen = async (promise: Promise<unknown>) =>
  Promise.race([promise.then(() => false), new Promise<true>((resolve) => setTimeout(resolve, 300, true))]);

describe('a long poll', () => {
  it('returns as soon as a token is revoked', async () => {
    const [program, alice] = [await createReceiver(server), await server.user()];
    const waiting = program.poll({});
    expect(await isOpen(waiting)).toBe(true);
    await alice.query('mutation { logout { ended } }');
    expect((await waiting).events).toMatchObject([{ sub_id: { user: { sub: alice.uuid } } }]);
  });

  it('returns immediately when events are pending', async () => {
    const program = await createReceiver(server);
    const ids = await recordRevocations(server, 2);
    expect((await program.poll({})).ids).toEqual(ids);
  });

  it('counts towards the 10 connections of its user', async () => {
    const [program, alice] = [await createReceiver(server), await server.user()];
    const waiting = Array.from({ length: 11 }, () => program.poll({}));
    expect(await Promise.race(waiting)).toMatchObject({ status: 429, json: { error: 'temporarily_unavailable' } });
    await alice.query('mutation { logout { ended } }');
    expect((await Promise.all(waiting)).map(({ status }) => status).sort()).toEqual([...Array(10).fill(200), 429]);
  });

  it('is rejected when its own token is revoked', async () => {
    const program = await createReceiver(server);
    const waiting = program.poll({});
    expect(await isOpen(waiting)).toBe(true);
    await program.owner.query('mutation ($id: ID!) { revokeToken(input: { id: $id }) { changed } }', { id: program.globalId });
    expect(await waiting).toMatchObject({ status: 401, json: { error: 'invalid_client' }, ids: [] });
  });

  it('returns no events after the permission was revoked', async () => {
    const [program, alice] = [await createReceiver(server), await server.user()];
    const waiting = program.poll({});
    expect(await isOpen(waiting)).toBe(true);
    await prisma.roleGrant.deleteMany({ where: { userId: program.owner.uuid, role: { builtIn: false } } });
    await alice.query('mutation { logout { ended } }');
    expect((await waiting).json).not.toHaveProperty('sets');
  });

  it('returns no events when the server stops', async () => {
    const other = await startTestServer();
    const program = await createReceiver(other);
    const waiting = program.poll({});
    expect(await isOpen(waiting)).toBe(true);
    const closing = other.close();
    expect(await waiting).toMatchObject({ status: 200, json: { sets: {}, moreAvailable: false } });
    await closing;
  });

  it('releases its resources when the receiver disconnects', async () => {
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

/** Deletes all records of the log, as a job does after 30 days. */
async function purgeLog() {
  await prisma.revocationCommit.updateMany({ data: { trimmed: true } });
  await prisma.tokenRevocation.deleteMany();
}

describe('a receiver whose unacknowledged events were purged from the log', () => {
  it('gets a stream-updated event until it acknowledges it, and then continues', async () => {
    const program = await createReceiver(server);
    await recordRevocations(server, 2);
    await purgeLog();
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
    expect(after.ids).toEqual(later); // later events are not lost
    expect((await program.now({ ack: later })).ids).toEqual([]);
  });

  it('gets no such event if it had acknowledged all events', async () => {
    const program = await createReceiver(server);
    const ids = await recordRevocations(server, 2);
    await program.now({ ack: ids });
    await purgeLog();
    expect((await program.now()).ids).toEqual([]);
    const later = await recordRevocations(server, 1);
    expect((await program.now()).ids).toEqual(later);
  });

  it('cannot skip events by acknowledging a forged stream-updated event', async () => {
    const program = await createReceiver(server);
    const ids = await recordRevocations(server, 2);
    const cursor = formatCursor(server.keys, { position: 999_999n, seq: 0n });
    expect((await program.now({ ack: [`stream-updated.${cursor}`] })).ids).toEqual(ids);
    await purgeLog();
    const before = await prisma.eventReceiver.findUnique({ where: { tokenId: program.id } });
    expect((await program.now({ ack: [`stream-updated.${cursor}`] })).ids[0]).toMatch(/^stream-updated\./);
    expect(await prisma.eventReceiver.findUnique({ where: { tokenId: program.id } })).toEqual(before);
  });

  it('is deleted with its token', async () => {
    const program = await createReceiver(server);
    await waitUntil(() => prisma.eventReceiver.findUnique({ where: { tokenId: program.id } }));
    await prisma.token.delete({ where: { id: program.id } });
    expect(await prisma.eventReceiver.findUnique({ where: { tokenId: program.id } })).toBeNull();
  });
});
