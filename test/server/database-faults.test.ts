import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { createLogger } from '../../src/logger.ts';
import { startServer } from '../../src/server/start.ts';
import { createTestDatabase, isEmbedded, testConfig } from '../test-database.ts';
import { startTestServer, uniqueAddress, waitUntil } from '../test-server.ts';

const server = await startTestServer();
const alice = await server.user();
const execute = (text: string) => server.db.query({ text, values: [] });

/** Makes the next writes of a table fail with this code: all of them, or the first ones of a statement or transaction that is repeated. */
async function failWrites(table: string, code: string, times = 1_000_000) {
  await execute('drop sequence if exists fault_number');
  await execute('create sequence fault_number');
  await execute(`create or replace function fault() returns trigger language plpgsql as $$ begin
    if nextval('fault_number') <= ${times} then raise exception 'planted' using errcode = '${code}'; end if;
    return null; end $$`);
  await execute(`create trigger fault before insert or update on "${table}" execute function fault()`);
  faulty = table;
}
let faulty: string | undefined;
afterEach(async () => {
  if (faulty) await execute(`drop trigger fault on "${faulty}"`);
  faulty = undefined;
});

/** Operations that are executed in different ways, and a table that each of them writes. */
const operations: Record<string, { readonly table: string; run(): Promise<string> }> = {
  login: {
    table: 'AuditEvent',
    run: async () =>
      resultOf(await server.query(`mutation { login(input: { email: "${alice.email}", password: "${alice.password}" }) { __typename } }`)),
  },
  register: {
    table: 'AuditEvent',
    run: async () => {
      const input = `{ email: "${randomUUID()}@example.com", password: "horses of the correct battery" }`;
      return resultOf(await server.query(`mutation { register(input: ${input}) { __typename } }`));
    },
  },
  refresh: {
    table: 'TokenSecret',
    run: async () => {
      const { refreshToken } = session;
      const { data, errors } = await server.query(`mutation { refresh(input: { refreshToken: "${refreshToken}" }) { refreshToken } }`);
      if (data?.refresh) session = data.refresh;
      return errors?.[0]?.extensions.code ?? 'ok';
    },
  },
  requestPasswordReset: {
    table: 'OutboxEmail',
    run: async () =>
      resultOf(await server.query(`mutation { requestPasswordReset(input: { email: "${randomUUID()}@example.com" }) { __typename } }`)),
  },
  setSetting: {
    table: 'UserSetting',
    run: async () => resultOf(await alice.query(`mutation { setSetting(input: { key: "k", value: "${randomUUID()}" }) { __typename } }`)),
  },
  'the reset page': {
    table: 'OutboxEmail',
    run: async () => {
      const response = await fetch(`${server.url}/reset`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-for': uniqueAddress() },
        body: `email=${randomUUID()}%40example.com`,
      });
      await response.text();
      return response.status === 200 || response.status === 303 ? 'ok' : response.status === 503 ? 'UNAVAILABLE' : `${response.status}`;
    },
  },
  'the WebSocket': {
    table: 'UserSetting',
    run: () =>
      new Promise((resolve) => {
        const socket = alice.socket();
        const query = `mutation { setSetting(input: { key: "w", value: "${randomUUID()}" }) { __typename } }`;
        socket.subscribe(
          { query },
          {
            next: ({ errors }) => resolve((errors?.[0]?.extensions as { code?: string } | undefined)?.code ?? 'ok'),
            error: (error) => resolve(String(error)),
            complete: () => void socket.dispose(),
          },
        );
      }),
  },
};
let session: { readonly refreshToken: string } = await server.newSession(alice);
const resultOf = ({ code }: { code: string | undefined }) => code ?? 'ok';

const codes = ['08006', '28000', '28P01', '3D000', '25006', '53100', '53200', '53300', '57P01', '57P03', '58030', '42501'];

describe('a fault of the database', () => {
  for (const [name, { table, run }] of Object.entries(operations))
    it(`makes ${name} fail with UNAVAILABLE, and ends by itself`, async () => {
      for (const code of codes) {
        await failWrites(table, code);
        expect([code, await run()]).toEqual([code, 'UNAVAILABLE']);
        await execute(`drop trigger fault on "${table}"`);
        faulty = undefined;
      }
      expect(await run()).toBe('ok');
    }, 60_000);

  it('is logged with its code', async () => {
    await failWrites('AuditEvent', '53100');
    expect(await operations.login?.run()).toBe('UNAVAILABLE');
    await waitUntil(() => server.log.some((line) => line.includes('sys_database_fault') && line.includes('53100')));
  });

  // A division by zero, an exception without a code, and statements that do not fit the tables: faults of this program, not of the database.
  it.each(['22012', 'P0001', '42601', '42703'])('leaves the error %s internal, and is not reported to the operator', async (code) => {
    await failWrites('UserSetting', code);
    expect(await operations.setSetting?.run()).toBe('INTERNAL');
    expect(server.log.filter((line) => line.includes('sys_database_fault') && line.includes(code))).toEqual([]);
  });
});

describe('a conflict with a concurrent transaction', () => {
  for (const [name, { table, run }] of Object.entries(operations))
    it(`is retried by ${name}`, async () => {
      for (const code of ['40001', '40P01']) {
        await failWrites(table, code, 3);
        expect([code, await run()]).toEqual([code, 'ok']);
        await execute(`drop trigger fault on "${table}"`);
        faulty = undefined;
      }
    });

  it('is reported as UNAVAILABLE when it does not end', async () => {
    await failWrites('AuditEvent', '40001');
    expect(await operations.login?.run()).toBe('UNAVAILABLE');
  });
});

describe.skipIf(isEmbedded)('a role that may no longer log in', () => {
  const cleanUps: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const cleanUp of cleanUps) await cleanUp();
  });

  it('makes every request fail with UNAVAILABLE until it may again', async () => {
    const made = await createTestDatabase(testConfig(), createLogger('silent'));
    const role = `fieldgate_${randomUUID().slice(0, 8)}`;
    const owner = (text: string) => made.db.query({ text, values: [] });
    await owner(`create role ${role} login superuser`);
    const url = Object.assign(new URL(made.url ?? ''), { username: role }).href;
    const running = await startServer(testConfig({ DATABASE_URL: url }), createLogger('silent'));
    cleanUps.push(async () => {
      await running.stop();
      await owner(`drop role ${role}`);
      await made.drop();
    });
    const send = async (query: string) => {
      const response = await fetch(`${running.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-forwarded-for': uniqueAddress() },
        body: JSON.stringify({ query }),
      });
      const { errors } = (await response.json()) as { errors?: { extensions: { code: string } }[] };
      return errors?.[0]?.extensions.code;
    };
    const login = 'mutation { login(input: { email: "nobody@example.com", password: "horses of the correct battery" }) { __typename } }';
    const register = 'mutation { register(input: { email: "a@example.com", password: "horses of the correct battery" }) { __typename } }';
    await owner(`alter role ${role} nologin`);
    await owner(`select pg_terminate_backend(pid) from pg_stat_activity where usename = '${role}'`);
    for (const query of [login, register, login]) expect(await send(query)).toBe('UNAVAILABLE');
    expect((await fetch(`${running.url}/health/ready`)).status).toBe(503);
    await owner(`alter role ${role} login`);
    await waitUntil(async () => (await send(login)) === 'INVALID_CREDENTIALS');
  });
});
