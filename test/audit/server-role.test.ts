import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { chainAllEvents, readHead } from '../../src/identity/audit/audit-chain.ts';
import { purgeAuditEvents } from '../../src/identity/audit/purge-events.ts';
import { verifyAuditChain } from '../../src/identity/audit/verify-audit-chain.ts';
import { createLogger } from '../../src/logger.ts';
import { startServer } from '../../src/server/start.ts';
import { createTestDatabase, isEmbedded, testConfig } from '../test-database.ts';
import { waitUntil } from '../test-server.ts';

/** The statements of docs/operations.md for two roles, with another name. */
function roleStatements(role: string): string[] {
  const page = readFileSync(join(import.meta.dirname, '../../docs/operations.md'), 'utf8');
  const block = /## Two database roles.*?```sql\n(?<block>.*?)```/s.exec(page)?.groups?.block ?? '';
  return block.replaceAll('fieldgate_server', role).split(';\n').filter(Boolean);
}

describe.skipIf(isEmbedded)('a separate role of the server', () => {
  it('appends events and runs the retention, but cannot change, delete or forge anything', async () => {
    const { db, url: databaseUrl, drop } = await createTestDatabase(testConfig(), createLogger('silent'));
    await db.query(sql`insert into "AuditEvent" (action, result) select 'event', 'ok' from generate_series(1, 10)`);
    await chainAllEvents(db);
    const role = `fieldgate_${randomUUID().slice(0, 8)}`;
    for (const text of roleStatements(role)) await db.query({ text, values: [] });
    const url = Object.assign(new URL(databaseUrl ?? ''), { username: role, password: 'secret' }).href;
    const server = await startServer(testConfig({ DATABASE_URL: url }), createLogger('silent'));
    const input = { email: 'ada@example.com', password: 'horses of the correct battery' };
    const query = 'mutation ($input: RegisterInput!) { register(input: $input) { session { token { id } } } }';
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables: { input } }),
    });
    expect(await response.json()).toMatchObject({ data: { register: { session: expect.anything() } } });
    await waitUntil(async () => (await readHead(db)).position > 10n);
    expect(await purgeAuditEvents(server.db, testConfig())).toBe(0);
    const attempts = [
      `update "AuditEvent" set reason = 'x'`,
      `delete from "AuditEvent"`,
      `truncate "AuditEvent"`,
      `alter table "AuditEvent" disable trigger user`,
      `set session_replication_role = replica`,
      ...['AuditChain', 'AuditAnchor', 'AuditQueue'].flatMap((table) => [
        `insert into "${table}" select * from "${table}"`,
        `update "${table}" set "${table === 'AuditQueue' ? 'at' : 'position'}" = null`,
        `delete from "${table}"`,
        `truncate "${table}"`,
      ]),
    ];
    for (const text of attempts) await expect(server.db.query({ text, values: [] }), text).rejects.toMatchObject({ code: '42501' });
    await server.stop();
    expect((await verifyAuditChain(db)).faults).toEqual([]);
    for (const text of [`drop owned by ${role}`, `drop role ${role}`]) await db.query({ text, values: [] });
    await drop();
  });
});
