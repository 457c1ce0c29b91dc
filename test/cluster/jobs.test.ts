import { afterAll, describe, expect, it } from 'vitest';
import { type Database, sql } from '../../src/database/database.ts';
import { jobs } from '../../src/schema/job/schedule.ts';
import { isEmbedded } from '../test-database.ts';
import { waitUntil } from '../test-server.ts';
import { startNodes } from './nodes.ts';

// Two processes cannot open one embedded database.
const cluster = isEmbedded ? undefined : await startNodes(2);
afterAll(() => cluster?.leave());
const db = cluster?.db as Database;
const name = 'purge-rate-limits';
// Jobs with a short period also run by themselves, so their runs cannot be counted.
const slow = jobs.filter(({ every }) => every >= 60_000).map((job) => job.name);

describe.skipIf(!cluster)('two servers on one database: jobs (needs a PostgreSQL server)', () => {
  const rows = () => db.prisma.job.findMany({ where: { name: { in: slow } } });
  const isDue = () => db.query(sql`update "Job" set "dueAt" = now() where name = any(${slow}::text[])`);

  it('run once in each period', async () => {
    await waitUntil(async () => (await rows()).length === slow.length);
    for (let period = 1; period <= 5; period += 1) {
      await isDue();
      await waitUntil(async () => (await rows()).every(({ leasedUntil, runs }) => runs >= period && leasedUntil === null));
    }
    expect((await rows()).map(({ runs, error }) => [runs, error])).toEqual(slow.map(() => [5, null]));
  });

  it('are taken over after the server that ran them was killed', async () => {
    for (const node of cluster?.nodes ?? []) await node.kill();
    const killedNode = await cluster?.start();
    await db.prisma.$transaction(async (tx) => {
      await tx.$executeRaw(sql`lock table "RateLimit" in access exclusive mode`);
      await isDue();
      await waitUntil(async () => (await db.prisma.job.findUnique({ where: { name } }))?.runs === 6);
      await killedNode?.kill();
    });
    const leased = await db.prisma.job.findUniqueOrThrow({ where: { name } });
    expect([leased.leasedUntil !== null, (leased.leasedUntil?.getTime() ?? 0) - (leased.startedAt?.getTime() ?? 0) <= 60_000]).toEqual([
      true,
      true,
    ]);
    const next = await cluster?.start();
    await db.query(sql`update "Job" set "dueAt" = now(), "leasedUntil" = now() where name = ${name}`); // the lease expires
    await waitUntil(async () => (await db.prisma.job.findUnique({ where: { name } }))?.runs === 7);
    await next?.kill();
  });
});
