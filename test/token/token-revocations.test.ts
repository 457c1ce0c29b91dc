import { describe, expect, it } from 'vitest';
import { formatCursor, parseCursor } from '../../src/identity/tokens/revocation-cursor.ts';
import { runJobs } from '../jobs.ts';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, type TestUser, waitUntil } from '../test-server.ts';
import { revokeInOpenTransaction } from './open-transaction.ts';
import { endCursor, readRevocations, resourceServer, revocationPage } from './revocation-log.ts';
import { follow } from './revocation-stream.ts';

const server = await startTestServer();
const superadmin = await server.user('SUPERADMIN');
await server.domain('north');
const sidOf = (person: Pick<TestUser, 'tokenId'>) => Buffer.from(person.tokenId, 'base64').toString().replace('Token:', '');
const signInAgain = (person: TestUser, domain?: string) => server.logIn(person.email, person.uuid, domain);
const logOut = (person: TestUser) => person.query('mutation { logout { ended } }');

/** Creates and ends this many sessions of a user, one after another. */
async function ended(person: TestUser, count: number, domain?: string) {
  const sids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const device = await signInAgain(person, domain);
    await logOut(device);
    sids.push(sidOf(device));
  }
  return sids;
}

describe('tokenRevocations', () => {
  it('returns revocations oldest first, page by page', async () => {
    const alice = await server.user();
    const sids = await ended(alice, 5);
    const first = await revocationPage(alice, '(first: 2)');
    expect([first.nodes.map(({ sid }) => sid), first.pageInfo?.hasNextPage]).toEqual([sids.slice(0, 2), true]);
    const second = await revocationPage(alice, `(first: 3, after: "${first.pageInfo?.endCursor}")`);
    expect([second.nodes.map(({ sid }) => sid), second.pageInfo?.hasNextPage]).toEqual([sids.slice(2), false]);
  });

  it('returns the same records with the same cursors as the subscription tokenRevoked', async () => {
    const alice = await server.user();
    const stream = await follow(server, alice.accessToken);
    await ended(alice, 3);
    await waitUntil(() => stream.events.length === 3);
    const streamed = (await revocationPage(alice, '', 'sid kind reason initiator tokenId userId cursor revokedAt token { id }')).nodes;
    expect(stream.events).toEqual(streamed);
    stream.leave();
  });

  it('returns the reason, the initiator, the actor and the CAEP event type', async () => {
    const alice = await server.user();
    await superadmin.query('mutation ($id: ID!) { revokeTokens(input: { userId: $id }) { ended } }', { id: alice.id });
    const { nodes } = await revocationPage(superadmin, `(userId: "${alice.id}")`, 'reason event initiator actor { id } sid tokenId kind');
    expect(nodes).toEqual([
      {
        reason: 'ADMIN_REVOKED',
        event: 'SESSION_REVOKED',
        initiator: 'ADMIN',
        actor: { id: superadmin.id },
        sid: sidOf(alice),
        tokenId: alice.tokenId,
        kind: 'SESSION',
      },
    ]);
  });

  it('hides an actor that the viewer cannot see', async () => {
    const [alice, bob] = [await server.user(), await server.user()];
    await superadmin.query('mutation ($id: ID!) { revokeToken(input: { id: $id }) { changed } }', {
      id: (await signInAgain(alice)).tokenId,
    });
    await logOut(await signInAgain(bob));
    const { nodes } = await revocationPage(alice, '', 'reason actor { id }');
    expect(nodes).toEqual([{ reason: 'ADMIN_REVOKED', actor: null }]);
  });

  it('lists revocations in the order of their commits, for one user and for all', async () => {
    const [alice, bob] = [await server.user(), await server.user()];
    const start = await endCursor(superadmin);
    const done: string[] = [];
    for (const person of [alice, bob, alice, bob, bob]) done.push(...(await ended(person, 1)));
    expect((await readRevocations(superadmin, 'all: true', start)).map(({ sid }) => sid)).toEqual(done);
  });

  // The embedded PostgreSQL has one connection: its transactions never overlap.
  it.skipIf(isEmbedded)('sorts a late commit after the records that were read before it (needs a PostgreSQL server)', async () => {
    const alice = await server.user();
    const late = await signInAgain(alice);
    const start = await endCursor(superadmin);
    const commit = await revokeInOpenTransaction(server, alice, sidOf(late));
    const [early] = await ended(alice, 1);
    const before = await readRevocations(superadmin, 'all: true', start);
    await commit();
    const after = await readRevocations(superadmin, 'all: true', before.at(-1)?.cursor);
    expect([before, after].map((records) => records.map(({ sid }) => sid))).toEqual([[early], [sidOf(late)]]);
    const { rows } = await server.db.prisma.$transaction(async (tx) => ({
      rows: await tx.tokenRevocation.findMany({ where: { tokenId: { in: [early ?? '', sidOf(late)] } }, orderBy: { seq: 'asc' } }),
    }));
    expect(rows.map(({ tokenId }) => tokenId)).toEqual([sidOf(late), early]); // ordered by seq, the late record would have been skipped
  });
});

describe('the scope of tokenRevocations', () => {
  it("is the viewer's own log by default, and for a domain administrator that of the domain", async () => {
    const [domainAdmin, member] = [await server.user('ADMIN', 'north'), await server.user('USER', 'north')];
    const [inside] = await ended(member, 1, 'north');
    const [outside] = await ended(member, 1);
    expect((await revocationPage(member)).nodes.map(({ sid }) => sid)).toEqual([inside, outside]);
    expect((await revocationPage(domainAdmin, '(domain: "north")')).nodes.map(({ sid }) => sid)).toEqual([inside]);
    expect((await revocationPage(member, '(domain: "north")')).code).toBe('NOT_FOUND');
    expect((await revocationPage(domainAdmin, '(domain: "nowhere")')).code).toBe('NOT_FOUND');
  });

  it('contains for an administrator the revocations of lower-ranked users, on pages that may be short', async () => {
    const [admin, other, alice] = [await server.user('ADMIN'), await server.user('ADMIN'), await server.user()];
    const start = await endCursor(superadmin);
    await ended(other, 3);
    const [sid] = await ended(alice, 1);
    expect((await readRevocations(admin, 'all: true', start, 2)).map((record) => record.sid)).toEqual([sid]);
    expect((await revocationPage(alice, '(all: true)')).code).toBe('FORBIDDEN');
  });

  it('is all users for a resource server with the permission and an API token with the scope', async () => {
    const subscriber = await resourceServer(server);
    const start = await endCursor(subscriber);
    const [sid] = await ended(await server.user('ADMIN'), 1);
    expect((await readRevocations(subscriber, 'all: true', start)).map((record) => record.sid)).toEqual([sid]);
    for (const [scopes, permissions] of [
      [['tokens:read'], ['tokens:follow']],
      [['tokens:follow'], ['tokens:read']],
    ]) {
      const { code } = await revocationPage(await resourceServer(server, scopes, permissions), '(all: true)');
      expect([scopes, code]).toEqual([scopes, 'FORBIDDEN']);
    }
  });

  it("is the owner's own log for an API token with tokens:read, and none for one that may only follow", async () => {
    const [reader, follower] = [await resourceServer(server, ['tokens:read'], []), await resourceServer(server, ['tokens:follow'], [])];
    const [sid] = await ended(reader.account, 1);
    expect((await revocationPage(reader)).nodes.map((record) => record.sid)).toEqual([sid]);
    expect((await revocationPage(follower)).code).toBe('FORBIDDEN');
  });

  it('includes sessions in a domain that has been deleted', async () => {
    const { id } = await server.db.prisma.domain.create({ data: { name: 'brief', displayName: 'brief' } });
    const member = await server.user('USER', 'brief');
    const device = await signInAgain(member, 'brief');
    const input = { id: Buffer.from(`Domain:${id}`).toString('base64') };
    await superadmin.query('mutation ($input: DeleteDomainInput!) { deleteDomain(input: $input) { deletedId } }', { input });
    const record = await server.db.prisma.tokenRevocation.findFirst({ where: { tokenId: sidOf(device) } });
    expect([record?.reason, record?.domainId]).toEqual(['DOMAIN_DELETED', id]);
  });
});

describe('a cursor of tokenRevocations', () => {
  it('tells nothing about the number of revocations: all are of one length, and no two have a beginning in common', async () => {
    const alice = await server.user();
    await ended(alice, 3);
    const cursors = (await revocationPage(alice)).nodes.map(({ cursor }) => cursor);
    expect(new Set(cursors.map(({ length }) => length)).size).toBe(1);
    expect(new Set(cursors.map((cursor) => cursor.slice(0, 6))).size).toBe(3);
    for (const cursor of cursors) expect(Buffer.from(cursor, 'base64url').toString('latin1')).not.toMatch(/\d{4}/);
  });

  it('is the same for every reader and on every node', async () => {
    const alice = await server.user();
    await ended(alice, 1);
    const [own] = (await revocationPage(alice)).nodes;
    const { nodes } = await revocationPage(superadmin, `(userId: "${alice.id}")`);
    expect(nodes.map(({ cursor }) => cursor)).toEqual([own?.cursor]);
    expect(own?.cursor).toBe(formatCursor({ ...server.keys }, parseCursor(server.keys, String(own?.cursor))));
  });

  it('is rejected with the field after when it is malformed', async () => {
    const valid = formatCursor(server.keys, { position: 1n, seq: 1n });
    const changed = (valid.startsWith('A') ? 'B' : 'A') + valid.slice(1);
    for (const cursor of ['', 'x', 'MS4x', `${valid}!`, valid.slice(0, -1), changed]) {
      const { errors } = await revocationPage(superadmin, `(all: true, after: "${cursor}")`);
      expect([cursor, errors?.[0]?.extensions]).toMatchObject([cursor, { code: 'INVALID_INPUT', fields: { after: expect.any(Array) } }]);
    }
  });

  it('is expired when it is ahead of the log, because the log was restored from a backup', async () => {
    const ahead = formatCursor(server.keys, { position: 999_999_999_999n, seq: 1n });
    const { code } = await revocationPage(superadmin, `(all: true, after: "${ahead}")`);
    expect(code).toBe('CURSOR_EXPIRED');
  });

  it('expires when later entries were purged, and the error contains the oldest valid cursor', async () => {
    const alice = await server.user();
    const [first = '', second = ''] = await ended(alice, 3);
    const [one] = (await revocationPage(alice)).nodes;
    await server.db.prisma.tokenRevocation.updateMany({
      where: { tokenId: { in: [first, second] } },
      data: { revokedAt: new Date(Date.now() - 31 * 86_400_000) },
    });
    await runJobs(server);
    const { errors } = await revocationPage(alice, `(after: "${one?.cursor}")`);
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'CURSOR_EXPIRED', oldest: expect.any(String) });
    const left = await revocationPage(alice, `(after: "${errors?.[0]?.extensions.oldest}")`);
    expect(left.nodes).toHaveLength(1);
    expect((await revocationPage(alice)).nodes).toEqual(left.nodes);
    expect(await server.db.prisma.revocationCommit.count({ where: { trimmed: true } })).toBe(1);
  });
});
