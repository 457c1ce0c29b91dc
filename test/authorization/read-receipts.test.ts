import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { describe, expect, it, vi } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { createLogger } from '../../src/logger.ts';
import { startServer } from '../../src/server/start.ts';
import { runJobs } from '../jobs.ts';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, waitUntil } from '../test-server.ts';

const server = await startTestServer();
const admin = await server.user('ADMIN');
const silent = createLogger('silent');
const sensitive = 'phone address currentLoginFrom lastLoginFrom';
const list = (edge: string) => `query ($name: String!, $first: Int, $after: String) {
  users(filter: { search: $name }, first: $first, after: $after) { pageInfo { endCursor } edges { ${edge} } }
}`;

/** Creates users with all sensitive fields. */
async function createUsers(count: number, displayName: string): Promise<string[]> {
  const known = { phone: '+1 555 0100', address: '1 Main Street', currentLoginFrom: '192.0.2.1', lastLoginFrom: '192.0.2.2' };
  const data = Array.from({ length: count }, (_, at) => {
    const email = `${displayName}-${at}@example.com`;
    return { ...known, displayName, email, emailKey: email };
  });
  return (await server.db.prisma.user.createManyAndReturn({ data, select: { id: true } })).map(({ id }) => id);
}

const countOf = (userIds: string[]) => server.db.prisma.fieldRead.count({ where: { userId: { in: userIds } } });
const logged = (text: string) => server.log.filter((line) => line.includes(text)).map((line) => JSON.parse(line));

describe('read receipts', () => {
  it('inserts the receipts of a whole list with one statement, one for each user and field', async () => {
    const people = await createUsers(50, 'listed');
    const driver = isEmbedded ? vi.spyOn(PGlite.prototype, 'query') : vi.spyOn(pg.Client.prototype, 'query');
    expect(
      (await admin.query(list(`node { ${sensitive} } again: node { ${sensitive} }`), { name: 'listed', first: 50 })).errors,
    ).toBeUndefined();
    await waitUntil(async () => (await countOf(people)) === 200);
    const texts = driver.mock.calls.map(([first]: unknown[]) => (typeof first === 'string' ? first : (first as { text: string }).text));
    driver.mockRestore();
    expect(texts.filter((text) => text.includes('insert into "FieldRead"'))).toHaveLength(1);
  });

  it('buffers at most 10,000 receipts while the database rejects them, and logs the number of dropped ones', async () => {
    const people = await createUsers(2_600, 'waiting');
    const dropped = () => logged('read receipts were dropped').reduce((sum: number, line) => sum + line.dropped, 0);
    await server.db.query(sql`alter table "FieldRead" rename to "Away"`);
    for (let page = 0, after: unknown = null; page < 26; page += 1)
      after = (await admin.query(list(`node { ${sensitive} }`), { name: 'waiting', first: 100, after })).data.users.pageInfo.endCursor;
    await waitUntil(() => logged('writing read receipts failed').length > 0 && dropped() > 0);
    await server.db.query(sql`alter table "Away" rename to "FieldRead"`);
    await waitUntil(async () => (await countOf(people)) === 10_000);
    expect(dropped()).toBe(400);
  }, 60_000);

  it('stores other receipts when one refers to a deleted user', async () => {
    const people = await createUsers(2, 'leaving');
    await server.db.query(sql`alter table "FieldRead" rename to "Away"`);
    await admin.query(list('node { phone }'), { name: 'leaving', first: 2 });
    await server.db.prisma.user.delete({ where: { id: people[0] ?? '' } });
    await server.db.query(sql`alter table "Away" rename to "FieldRead"`);
    await waitUntil(async () => (await countOf(people)) === 1);
  });

  it('writes buffered receipts when the server stops', async () => {
    const people = await createUsers(1, 'stopped');
    const node = await startServer(server.config, silent, server.db);
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${admin.accessToken}` };
    const body = JSON.stringify({ query: list('node { phone }'), variables: { name: 'stopped', first: 1 } });
    expect((await fetch(`${node.url}/graphql`, { method: 'POST', headers, body })).status).toBe(200);
    await node.stop();
    expect(await countOf(people)).toBe(1);
  });

  it('deletes receipts after 90 days', async () => {
    const [userId = ''] = await createUsers(1, 'forgotten');
    for (const days of [89, 91])
      await server.db.query(sql`insert into "FieldRead" ("userId", "actorId", field, via, day, at)
        select ${userId}::uuid, ${admin.uuid}::uuid, 'User.phone', 'admin', at::date, at from (select now() - ${days}::int * interval '1 day' as at) one`);
    await runJobs(server);
    expect(await countOf([userId])).toBe(1);
  });
});
