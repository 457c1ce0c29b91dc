import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { describe, expect, it, vi } from 'vitest';
import { openDatabase } from '../../src/database/database.ts';
import { createLogger } from '../../src/logger.ts';
import { startServer } from '../../src/server/start.ts';
import { createTestDatabase, isEmbedded, testConfig } from '../test-database.ts';
import { type TestServer, waitUntil } from '../test-server.ts';
import { post, rawSocket } from '../transport/raw-client.ts';
import { proxyTo } from './proxy.ts';

describe('an outage of the database', () => {
  it.skipIf(isEmbedded)(
    'makes requests fail with UNAVAILABLE within 2 s, and ends without a restart (needs a PostgreSQL server)',
    async () => {
      const lines: string[] = [];
      const log = createLogger('info', { write: (line) => void lines.push(line) });
      const made = await createTestDatabase(testConfig(), log);
      const proxy = await proxyTo(made.url ?? '');
      const config = testConfig({ DATABASE_URL: proxy.url });
      const db = await openDatabase(config, log);
      const running = await startServer(config, log, db);
      const server = { url: running.url } as TestServer;
      const ready = async () => (await fetch(`${running.url}/health/ready`)).status;
      const run = async () => {
        const started = performance.now();
        const answer = await post(
          server,
          '{"query":"mutation { refresh(input: { refreshToken: \\"fgr_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\\" }) { expiresAt } }"}',
        );
        const { errors } = (await answer.json()) as { errors: { extensions: { code: string } }[] };
        return { code: errors[0]?.extensions.code, seconds: (performance.now() - started) / 1_000 };
      };
      const socket = await rawSocket(server);
      await socket.init();
      for (let times = 0; times < 6; times += 1) {
        expect([await ready(), (await run()).code]).toEqual([200, 'INVALID_TOKEN']);
        await (times % 2 ? proxy.cut() : proxy.blackhole());
        for (const { code, seconds } of await Promise.all(Array.from({ length: 30 }, run))) {
          expect(code).toBe('UNAVAILABLE');
          expect(seconds).toBeLessThan(2);
        }
        expect([await ready(), (await fetch(`${running.url}/health/live`)).status]).toEqual([503, 200]);
        if (times % 2 === 0) await proxy.cut();
        await proxy.restore();
        await waitUntil(async () => (await ready()) === 200);
      }
      socket.send({ type: 'ping' });
      await socket.waitForMessage('pong');
      expect(lines.filter((text) => text.includes('"level":"error"'))).toEqual([]);
      await running.stop();
      await db.close();
      await proxy.cut();
      await made.drop();
    },
    60_000,
  );

  it.skipIf(isEmbedded)(
    'costs few connections, however many requests arrive, when the database was deleted, and ends when it is back (needs a PostgreSQL server)',
    async () => {
      const log = createLogger('silent');
      const made = await createTestDatabase(testConfig(), log);
      const proxy = await proxyTo(made.url ?? '');
      const config = testConfig({ DATABASE_URL: proxy.url });
      const db = await openDatabase(config, log);
      const running = await startServer(config, log, db);
      const ready = async () => (await fetch(`${running.url}/health/ready`)).status;
      expect(await ready()).toBe(200);
      const name = new URL(made.url ?? '').pathname.slice(1);
      await administer(`drop database ${name} with (force)`);
      await waitUntil(async () => (await ready()) === 503);
      const before = proxy.countOpened();
      for (let times = 0; times < 20; times += 1) {
        expect(await Promise.all(Array.from({ length: 20 }, ready))).toEqual(Array(20).fill(503));
        await sleep(100);
      }
      expect(proxy.countOpened() - before).toBeLessThan(40);
      await administer(`create database ${name} template ${process.env.TEST_TEMPLATE_DATABASE}`);
      await vi.waitUntil(async () => (await ready()) === 200, { timeout: 10_000 });
      await running.stop();
      await db.close();
      await proxy.cut();
      await made.drop();
    },
    60_000,
  );
});

async function administer(statement: string) {
  const client = new pg.Client({ connectionString: process.env.TEST_DATABASE_URL });
  await client.connect();
  await client.query(statement);
  await client.end();
}
