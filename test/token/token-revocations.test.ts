import { describe, expect, it } from 'vitest';
import { runJobs } from '../jobs.ts';
import { isEmbedded } from '../test-database.ts';
import { open, type Person, until } from '../test-server.ts';
import { follow } from './following.ts';
import { endLate } from './late.ts';
import { end, follower, page, readAll } from './log.ts';

const world = await open();
const superadmin = await world.user('SUPERADMIN');
await world.domain('north');
const sidOf = (person: Pick<Person, 'tokenId'>) => Buffer.from(person.tokenId, 'base64').toString().replace('Token:', '');
const again = (person: Person, domain?: string) => world.signIn(person.email, person.uuid, domain);
const logOut = (person: Person) => person.ask('mutation { logout { ended } }');

/** So many sessions of one user that have ended, one after another. */
async function ended(person: Person, count: number, domain?: string) {
  const sids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const device = await again(person, domain);
    await logOut(device);
    sids.push(sidOf(device));
  }
  return sids;
}

describe('tokenRevocations', () => {
  it('answers what ended, oldest first, page by page', async () => {
    const alice = await world.user();
    const sids = await ended(alice, 5);
    const first = await page(alice, '(first: 2)');
    expect([first.nodes.map(({ sid }) => sid), first.pageInfo?.hasNextPage]).toEqual([sids.slice(0, 2), true]);
    const second = await page(alice, `(first: 3, after: "${first.pageInfo?.endCursor}")`);
    expect([second.nodes.map(({ sid }) => sid), second.pageInfo?.hasNextPage]).toEqual([sids.slice(2), false]);
  });

  it('answers the same records, with the same cursors, that tokenRevoked streams', async () => {
    const alice = await world.user();
    const stream = await follow(world, alice.accessToken);
    await ended(alice, 3);
    await until(() => stream.events.length === 3);
    const told = (await page(alice, '', 'sid kind reason initiator tokenId userId cursor revokedAt token { id }')).nodes;
    expect(stream.events).toEqual(told);
    stream.leave();
  });

  it('says of each why it ended, who brought it about, and what others call such an event', async () => {
    const alice = await world.user();
    await superadmin.ask('mutation ($id: ID!) { revokeTokens(input: { userId: $id }) { ended } }', { id: alice.id });
    const { nodes } = await page(superadmin, `(userId: "${alice.id}")`, 'reason event initiator actor { id } sid tokenId kind');
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

  it('names nobody of whom the viewer may not know', async () => {
    const [alice, bob] = [await world.user(), await world.user()];
    await superadmin.ask('mutation ($id: ID!) { revokeToken(input: { id: $id }) { changed } }', { id: (await again(alice)).tokenId });
    await logOut(await again(bob));
    const { nodes } = await page(alice, '', 'reason actor { id }');
    expect(nodes).toEqual([{ reason: 'ADMIN_REVOKED', actor: null }]);
  });

  it('holds a record for each commit in the order of the commits, of one subject and of all', async () => {
    const [alice, bob] = [await world.user(), await world.user()];
    const start = await end(superadmin);
    const done: string[] = [];
    for (const person of [alice, bob, alice, bob, bob]) done.push(...(await ended(person, 1)));
    expect((await readAll(superadmin, 'all: true', start)).map(({ sid }) => sid)).toEqual(done);
  });

  // The embedded PostgreSQL has one connection: its transactions never overlap.
  it.skipIf(isEmbedded)('puts what commits late behind what was read before (needs a PostgreSQL server)', async () => {
    const alice = await world.user();
    const late = await again(alice);
    const start = await end(superadmin);
    const commit = await endLate(world, alice, sidOf(late));
    const [early] = await ended(alice, 1);
    const before = await readAll(superadmin, 'all: true', start);
    await commit();
    const after = await readAll(superadmin, 'all: true', before.at(-1)?.cursor);
    expect([before, after].map((records) => records.map(({ sid }) => sid))).toEqual([[early], [sidOf(late)]]);
    const { rows } = await world.db.prisma.$transaction(async (tx) => ({
      rows: await tx.tokenRevocation.findMany({ where: { tokenId: { in: [early ?? '', sidOf(late)] } }, orderBy: { seq: 'asc' } }),
    }));
    expect(rows.map(({ tokenId }) => tokenId)).toEqual([sidOf(late), early]); // by the sequence it would have been skipped
  });
});

describe('the log that somebody reads', () => {
  it('is the own one unless said, and a domain administrator reads that of own domains', async () => {
    const [chief, member] = [await world.user('ADMIN', 'north'), await world.user('USER', 'north')];
    const [inside] = await ended(member, 1, 'north');
    const [outside] = await ended(member, 1);
    expect((await page(member)).nodes.map(({ sid }) => sid)).toEqual([inside, outside]);
    expect((await page(chief, '(domain: "north")')).nodes.map(({ sid }) => sid)).toEqual([inside]);
    expect((await page(member, '(domain: "north")')).code).toBe('NOT_FOUND');
    expect((await page(chief, '(domain: "nowhere")')).code).toBe('NOT_FOUND');
  });

  it('has for an administrator what those did of whom they outrank, on pages that may be short', async () => {
    const [admin, other, alice] = [await world.user('ADMIN'), await world.user('ADMIN'), await world.user()];
    const start = await end(superadmin);
    await ended(other, 3);
    const [sid] = await ended(alice, 1);
    expect((await readAll(admin, 'all: true', start, 2)).map((record) => record.sid)).toEqual([sid]);
    expect((await page(alice, '(all: true)')).code).toBe('FORBIDDEN');
  });

  it('is that of all for a resource server: a role that permits it, and an API token made for it', async () => {
    const server = await follower(world);
    const start = await end(server);
    const [sid] = await ended(await world.user('ADMIN'), 1);
    expect((await readAll(server, 'all: true', start)).map((record) => record.sid)).toEqual([sid]);
    for (const [scopes, permissions] of [
      [['tokens:read'], ['tokens:follow']],
      [['tokens:follow'], ['tokens:read']],
    ]) {
      const { code } = await page(await follower(world, scopes, permissions), '(all: true)');
      expect([scopes, code]).toEqual([scopes, 'FORBIDDEN']);
    }
  });

  it('keeps what was entered through a domain that is deleted, and its end', async () => {
    const { id } = await world.db.prisma.domain.create({ data: { name: 'brief', displayName: 'brief' } });
    const member = await world.user('USER', 'brief');
    const device = await again(member, 'brief');
    const input = { id: Buffer.from(`Domain:${id}`).toString('base64') };
    await superadmin.ask('mutation ($input: DeleteDomainInput!) { deleteDomain(input: $input) { deletedId } }', { input });
    const record = await world.db.prisma.tokenRevocation.findFirst({ where: { tokenId: sidOf(device) } });
    expect([record?.reason, record?.domainId]).toEqual(['DOMAIN_DELETED', id]);
  });
});

describe('a cursor', () => {
  it('that is none is refused, with its place', async () => {
    for (const cursor of [
      'x',
      'MS4x!',
      Buffer.from('1.99999999999999999999').toString('base64url'),
      Buffer.from('-1.1').toString('base64url'),
    ]) {
      const { errors } = await page(superadmin, `(all: true, after: "${cursor}")`);
      expect([cursor, errors?.[0]?.extensions]).toMatchObject([cursor, { code: 'INVALID_INPUT', fields: { after: expect.any(Array) } }]);
    }
  });

  it('that is ahead of the log has expired: the log was restored, and nobody knows what is missing', async () => {
    const { code } = await page(superadmin, `(all: true, after: "${Buffer.from('999999999999.1').toString('base64url')}")`);
    expect(code).toBe('CURSOR_EXPIRED');
  });

  it('expires once what came after it is no longer kept, and one is told from where to go on', async () => {
    const alice = await world.user();
    const [first = '', second = ''] = await ended(alice, 3);
    const [one] = (await page(alice)).nodes;
    await world.db.prisma.tokenRevocation.updateMany({
      where: { tokenId: { in: [first, second] } },
      data: { revokedAt: new Date(Date.now() - 31 * 86_400_000) },
    });
    await runJobs(world);
    const { errors } = await page(alice, `(after: "${one?.cursor}")`);
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'CURSOR_EXPIRED', oldest: expect.any(String) });
    const left = await page(alice, `(after: "${errors?.[0]?.extensions.oldest}")`);
    expect(left.nodes).toHaveLength(1);
    expect((await page(alice)).nodes).toEqual(left.nodes);
    expect(await world.db.prisma.revocationCommit.count({ where: { trimmed: true } })).toBe(1);
  });
});
