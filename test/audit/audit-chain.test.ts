import { createHash, randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Database, sql } from '../../src/database/database.ts';
import { chainAllEvents, formatHead, parseHead, readHead } from '../../src/identity/audit/audit-chain.ts';
import { purgeAuditEvents } from '../../src/identity/audit/purge-events.ts';
import { verifyAuditChain } from '../../src/identity/audit/verify-audit-chain.ts';
import { createLogger } from '../../src/logger.ts';
import { createTestDatabase, testConfig } from '../test-database.ts';
import { startTestServer, waitUntil } from '../test-server.ts';

let db: Database;
const drops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const drop of drops.splice(0)) await drop();
});

/** Every test changes the audit of a separate database behind the back of the server. */
beforeEach(async () => {
  const created = await createTestDatabase(testConfig(), createLogger('silent'));
  db = created.db;
  drops.push(created.drop);
  await insertEvents(10);
  await chainAllEvents(db);
});

const insertEvents = (count: number, age = '0 s') =>
  db.query(sql`
    insert into "AuditEvent" (action, result, at, "userId", agent, details)
    select 'event ' || n, 'ok', now() - ${age}::interval + n * interval '1 ms', uuid_v7(), 'Jürgen, 5:x,', '{"b": 1.50, "a": "ü"}' from generate_series(1, ${count}::int) n`);

/** Runs statements as the owner of the tables can: without their triggers. */
async function tamper(...statements: string[]) {
  const switchTriggers = (how: string) =>
    ['AuditEvent', 'AuditChain', 'AuditAnchor'].map((table) => `alter table "${table}" ${how} trigger user`);
  for (const text of [...switchTriggers('disable'), ...statements, ...switchTriggers('enable')]) await db.query({ text, values: [] });
}

const faults = async () => (await verifyAuditChain(db)).faults;
const at = (position: number) => `(select "eventId" from "AuditChain" where position = ${position})`;

describe('the audit', () => {
  const changes = [
    `update "AuditEvent" set reason = 'x'`,
    `update "AuditEvent" set reason = reason where action = 'event 1'`,
    `update "AuditEvent" set "chainedAt" = now() + interval '1 hour' where action = 'event 1'`,
    `update "AuditEvent" set "chainedAt" = null where action = 'event 1'`,
    `delete from "AuditEvent"`,
    `delete from "AuditEvent" where action = 'event 1'`,
    `truncate "AuditEvent"`,
    `update "AuditChain" set hash = hash`,
    `delete from "AuditChain" where position = 10`,
    `truncate "AuditChain"`,
    `update "AuditAnchor" set missing = 1`,
    `truncate "AuditAnchor"`,
  ];
  for (const change of changes)
    it(`rejects ${change}`, async () => {
      await expect(db.query({ text: change, values: [] })).rejects.toThrow('append-only');
      expect(await faults()).toEqual([]);
    });

  it('rejects a place in the list for an event that is not in the chain yet', async () => {
    await expect(db.query(sql`insert into "AuditEvent" (action, result, "chainedAt") values ('x', 'ok', now())`)).rejects.toThrow('chain');
    await insertEvents(1);
    await expect(db.query(sql`update "AuditEvent" set "chainedAt" = now() where "chainedAt" is null`)).rejects.toThrow('append-only');
  });

  it('rejects the deletion of an event that is not in the chain yet', async () => {
    await insertEvents(1);
    await expect(db.query(sql`delete from "AuditEvent" where id in (select "eventId" from "AuditQueue")`)).rejects.toThrow('append-only');
  });
});

describe('an anchor that the retention has not written', () => {
  const anchors: Record<string, string> = {
    'of events younger than a day': 'select position, hash, 0 from "AuditChain" where position = 15',
    'with another hash': `select position, '\\x00', 0 from "AuditChain" where position = 5`,
    'with another number of missing events': 'select position, hash, 1 from "AuditChain" where position = 5',
    'behind the end of the chain': 'select 16, hash, 0 from "AuditChain" where position = 15',
    'in several rows': 'select position, hash, 0 from "AuditChain"',
  };
  for (const [name, anchor] of Object.entries(anchors))
    it(`${name} is rejected, so that the audit cannot be deleted`, async () => {
      const other = await createTestDatabase(testConfig(), createLogger('silent'));
      drops.push(other.drop);
      db = other.db;
      await insertEvents(5, '2 days');
      await insertEvents(10);
      await chainAllEvents(db);
      const statements = [
        `insert into "AuditAnchor" (position, hash, missing) ${anchor}`,
        'delete from "AuditEvent"',
        'delete from "AuditChain"',
      ];
      for (const text of statements) await expect(db.query({ text, values: [] }), text).rejects.toMatchObject({ code: '42501' });
      expect(await verifyAuditChain(db)).toMatchObject({ faults: [], events: 15, anchor: undefined });
    });
});

describe('the hash chain over the audit', () => {
  it('is found intact, with its head', async () => {
    expect(await verifyAuditChain(db)).toMatchObject({ faults: [], events: 10, waiting: 0, head: { position: 10n } });
  });

  it('can be recomputed from the documented form of an event', async () => {
    let hash = Buffer.alloc(32);
    const events = await db.prisma.auditEvent.findMany({ orderBy: [{ at: 'asc' }, { id: 'asc' }] });
    for (const [index, event] of events.entries()) {
      const { id, action, result, userId, agent } = event;
      const details = '{"a": "ü", "b": 1.50}';
      const values = [
        `${index + 1}`,
        id,
        event.at.toISOString(),
        action,
        result,
        null,
        null,
        null,
        userId,
        null,
        null,
        null,
        null,
        agent,
        null,
        details,
      ];
      const content = values.map((value) => (value === null ? '-,' : `${Buffer.byteLength(value)}:${value},`)).join('');
      hash = createHash('sha256').update(hash).update(content).digest();
    }
    expect((await readHead(db)).hash).toBe(hash.toString('hex'));
  });

  const columns = [
    'at',
    'action',
    'result',
    'reason',
    'actorId',
    'actorTokenId',
    'userId',
    'domainId',
    'targetType',
    'targetId',
    'network',
    'agent',
    'requestId',
    'details',
  ];
  const values: Record<string, string> = { at: `at + interval '1 ms'`, details: `'{"a": "ü", "b": 1.5}'`, result: `'denied'` };
  for (const column of columns)
    it(`finds a changed ${column}`, async () => {
      const value = values[column] ?? (column.endsWith('Id') && column !== 'requestId' ? 'uuid_v7()' : `'x'`);
      await tamper(`update "AuditEvent" set "${column}" = ${value} where id = ${at(4)}`);
      expect(await faults()).toEqual([expect.stringMatching(/^event \S+ at position 4 was changed$/)]);
    });

  const tamperings: [name: string, statement: string, fault: RegExp][] = [
    [
      'an event deleted before it was chained',
      `with q as (insert into "AuditQueue" values (now(), uuid_v7())) select 1`,
      /^event \S+ was deleted before it was chained$/,
    ],
    ['an event deleted in the middle', `delete from "AuditEvent" where id = ${at(5)}`, /^event \S+ at position 5 was deleted$/],
    [
      'a deleted event and its entry',
      `with e as (delete from "AuditEvent" where id = ${at(5)}) delete from "AuditChain" where position = 5`,
      /^position 5 is missing/,
    ],
    ['an event deleted from the end', `delete from "AuditEvent" where id = ${at(10)}`, /^event \S+ at position 10 was deleted$/],
    [
      'events deleted from the start',
      `with e as (delete from "AuditEvent" where id in (${at(1)}, ${at(2)})) delete from "AuditChain" where position <= 2`,
      /^position 1 is missing/,
    ],
    [
      'all events deleted, with a made-up anchor',
      `with e as (delete from "AuditEvent"), c as (delete from "AuditChain" where position < 10) insert into "AuditAnchor" values (9, '\\x00', 0)`,
      /at position 10 was deleted$/,
    ],
    [
      'reordered events',
      `update "AuditChain" set "eventId" = case position when 3 then ${at(4)} else ${at(3)} end where position in (3, 4)`,
      /at position 3 was changed$/,
    ],
    [
      'an event that is listed in another place',
      `update "AuditEvent" set "chainedAt" = "chainedAt" - interval '1 hour' where id = ${at(5)}`,
      /at position 5 is not listed in its place$/,
    ],
    [
      'an event that is not listed',
      `update "AuditEvent" set "chainedAt" = null where id = ${at(5)}`,
      /at position 5 is not listed in its place$/,
    ],
    ['an event inserted without its entry', `insert into "AuditEvent" (action, result) values ('planted', 'ok')`, /is not in the chain$/],
    ['an entry without its event', `insert into "AuditChain" values (11, '${randomUUID()}', '\\x00')`, /at position 11 was deleted$/],
  ];
  for (const [name, statement, fault] of tamperings)
    it(`finds ${name}`, async () => {
      await tamper('drop index "AuditChain_eventId_key"', statement);
      expect((await faults())[0]).toMatch(fault);
    });

  it('finds events deleted from the end with their entries, given a head from the log', async () => {
    const head = formatHead(await readHead(db));
    await tamper(`with e as (delete from "AuditEvent" where id = ${at(10)}) delete from "AuditChain" where position = 10`);
    expect(await faults()).toEqual([]);
    expect((await verifyAuditChain(db, parseHead(head))).faults).toEqual([expect.stringContaining('deleted from the end')]);
  });

  it('finds a chain that was rewritten, given a head from the log', async () => {
    const head = formatHead(await readHead(db));
    await tamper(
      `update "AuditEvent" set reason = 'x' where id = ${at(2)}`,
      `delete from "AuditChain"`,
      `update "AuditEvent" set "chainedAt" = null`,
    );
    await db.query(sql`insert into "AuditQueue" select at, id from "AuditEvent"`);
    await insertEvents(3);
    await chainAllEvents(db);
    expect(await faults()).toEqual([]);
    expect((await verifyAuditChain(db, parseHead(head))).faults).toEqual([expect.stringContaining('rewritten')]);
  });

  it('continues after the events that the retention deleted, and counts those that were missing before', async () => {
    const config = testConfig({ AUDIT_RETENTION: '1d' });
    await insertEvents(5, '2 days'); // chained after the first ten
    await chainAllEvents(db);
    expect(await purgeAuditEvents(db, config)).toBe(0); // the chain is cut from its start only
    const other = await createTestDatabase(testConfig(), createLogger('silent'));
    drops.push(other.drop);
    db = other.db;
    await insertEvents(5, '2 days');
    await insertEvents(5);
    await chainAllEvents(db);
    const head = formatHead(await readHead(db));
    expect(await purgeAuditEvents(db, config)).toBe(5);
    await insertEvents(1);
    expect(await verifyAuditChain(db, parseHead(head))).toMatchObject({
      faults: [],
      events: 6,
      anchor: { position: 5n },
      head: { position: 11n },
    });
  });

  it('never lets the retention delete what is younger than a day', async () => {
    await insertEvents(1);
    expect(await db.query(sql`select purge_audit_events(now() + interval '1 year', 100) as count`)).toEqual([{ count: 0 }]);
  });
});

describe('a server', () => {
  it('chains its events within a second and logs the head', async () => {
    const server = await startTestServer();
    const alice = await server.user();
    const event = await server.db.prisma.auditEvent.findFirstOrThrow({ where: { userId: alice.uuid } });
    await waitUntil(() => server.db.prisma.auditChain.findUnique({ where: { eventId: event.id } }));
    await waitUntil(() => server.log.some((line) => line.includes('sys_audit_head')));
    expect((await verifyAuditChain(server.db)).faults).toEqual([]);
  });
});
