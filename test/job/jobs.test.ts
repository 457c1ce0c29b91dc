import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { createLogger } from '../../src/logger.ts';
import { createMetrics } from '../../src/metrics.ts';
import { startJobRunner } from '../../src/schema/job/job-runner.ts';
import { jobs } from '../../src/schema/job/schedule.ts';
import { graphql } from '../generated/gql.ts';
import { startTestServer, waitUntil } from '../test-server.ts';

const server = await startTestServer();
const superadmin = await server.user('SUPERADMIN');
const document = graphql(`query Jobs { jobs { name everySeconds lastStartedAt lastFinishedAt lastError lastCount } }`);
const [throttles, receipts] = ['purge-rate-limits', 'purge-read-receipts'] as const;
const showJob = async (name: string) => (await superadmin.query(document)).data.jobs.find((job) => job.name === name);
const row = (name: string) => server.db.prisma.job.findUniqueOrThrow({ where: { name } });
await waitUntil(() => server.db.prisma.job.count());

/** Makes a job due and waits until it has run. */
async function run(name: string) {
  const { runs } = await row(name);
  await server.db.query(sql`update "Job" set "dueAt" = now() where name = ${name}`);
  return waitUntil(async () => {
    const now = await row(name);
    return now.runs > runs && now.leasedUntil === null ? now : undefined;
  });
}

describe('jobs', () => {
  it('shows superadmins the schedule and the last run of each job', async () => {
    const { data } = await superadmin.query(document);
    expect(data.jobs.map(({ name, everySeconds }) => [name, everySeconds])).toEqual(jobs.map(({ name, every }) => [name, every / 1_000]));
    expect(await showJob(throttles)).toMatchObject({ lastStartedAt: null, lastFinishedAt: null, lastError: null, lastCount: null });
    await server.db.query(sql`insert into "RateLimit" values ('past', 1, now() - interval '1 s'), ('future', 1, now() + interval '1 h')`);
    await run(throttles);
    const moment = expect.stringMatching(/^20.*Z$/);
    expect(await showJob(throttles)).toMatchObject({ lastStartedAt: moment, lastFinishedAt: moment, lastError: null, lastCount: 1 });
  });

  it('rejects other callers', async () => {
    for (const person of [await server.user(), await server.user('ADMIN')]) expect((await person.query(document)).code).toBe('FORBIDDEN');
    expect((await server.query(document)).code).toBe('UNAUTHENTICATED');
  });

  it('requires the scope audit:read for an API token', async () => {
    const by = async (scopes: string[]) => {
      const mint = 'mutation ($scopes: [String!]!) { createApiToken(input: { description: "d", scopes: $scopes }) { secret } }';
      const token = (await superadmin.query(mint, { scopes })).data.createApiToken.secret;
      return (await server.query(document, {}, { token })).code;
    };
    expect([await by(['users:read']), await by(['audit:read'])]).toEqual(['FORBIDDEN', undefined]);
  });
});

describe('the job runner', () => {
  it('stores the error of a failed job and runs it again', async () => {
    await server.db.query(sql`alter table "FieldRead" rename to "Away"`);
    await run(receipts);
    expect(await showJob(receipts)).toMatchObject({ lastCount: null, lastError: expect.stringContaining('FieldRead') });
    expect(server.log.some((line) => line.includes('job failed') && line.includes(receipts))).toBe(true);
    await server.db.query(sql`alter table "Away" rename to "FieldRead"`);
    await run(receipts);
    expect(await showJob(receipts)).toMatchObject({ lastCount: 0, lastError: null });
  });

  it('schedules the next run one period after the start of the last one', async () => {
    const { dueAt, startedAt } = await run(throttles);
    expect(dueAt.getTime() - (startedAt?.getTime() ?? 0)).toBe(600_000);
  });

  it('runs a due job once when several runners claim it concurrently', async () => {
    const services = { ...server, log: createLogger('silent'), metrics: createMetrics() };
    const stops = Array.from({ length: 8 }, () => startJobRunner(services, { flush: () => {} }));
    for (let period = 0; period < 3; period += 1) {
      const { runs } = await row(throttles);
      await run(throttles);
      await run(receipts); // by now every runner has checked
      expect((await row(throttles)).runs).toBe(runs + 1);
    }
    await Promise.all(stops.map((stop) => stop()));
  });

  it('leaves a job to another server until its lease expires', async () => {
    const { runs } = await row(throttles);
    await server.db.query(sql`update "Job" set "dueAt" = now(), "leasedUntil" = now() + interval '1 h' where name = ${throttles}`);
    await run(receipts);
    expect((await row(throttles)).runs).toBe(runs);
    await server.db.query(sql`update "Job" set "leasedUntil" = now() where name = ${throttles}`);
    await waitUntil(async () => (await row(throttles)).runs === runs + 1);
  });
});
