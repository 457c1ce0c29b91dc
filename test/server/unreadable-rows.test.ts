import { describe, expect, it } from 'vitest';
import { generateKeys, loadConfiguredKeys } from '../../src/identity/keys/configured-keys.ts';
import { rotateKeys } from '../../src/identity/keys/rotate-keys.ts';
import { createLogger } from '../../src/logger.ts';
import { startServer } from '../../src/server/start.ts';
import { waitForChain } from '../audit/wait-for-chain.ts';
import { createTestDatabase, testConfig } from '../test-database.ts';
import { startTestServer, waitUntil } from '../test-server.ts';

const publicJwk = `jsonb_build_object('kty', 'OKP', 'crv', 'Ed25519', 'kid', 'damaged', 'x', 'AAAA')`;

/** Rows of "SigningKey" that no version writes: values of kid, publicJwk, encryptedPrivateJwk, activeFrom. */
const damagedKeys: Record<string, string> = {
  'with an empty public key': `'damaged', '{}', '\\x00', now() - interval '1 day'`,
  'with a public key that is a string': `'damaged', '"text"', '\\x00', now() - interval '1 day'`,
  'with a public key that is a list': `'damaged', '[1]', '\\x00', now() - interval '1 day'`,
  'with a public key of another length': `'damaged', ${publicJwk}, '\\x00', now() - interval '1 day'`,
  'with a ciphertext that is too short': `'damaged', ${publicJwk}, '\\x', now() - interval '1 day'`,
  'that starts to sign at no time': `'damaged', '{}', '\\x00', 'infinity'`,
  'that started to sign before all time': `'damaged', '{}', '\\x00', '-infinity'`,
};

const server = await startTestServer();
const valid = await server.user('SUPERADMIN');

describe('a signing key that cannot be read', () => {
  for (const [name, values] of Object.entries(damagedKeys))
    it(`${name} is logged and keeps no server from starting while another key signs`, async () => {
      const lines: string[] = [];
      const log = createLogger('info', { write: (line) => void lines.push(line) });
      const config = testConfig();
      const { db, drop } = await createTestDatabase(config, log);
      const execute = (text: string) => db.query({ text, values: [] });
      await execute(`insert into "SigningKey" (kid, "publicJwk", "encryptedPrivateJwk", "activeFrom") values (${values})`);
      if (!values.includes("'infinity'")) {
        await expect(startServer(config, log, db)).rejects.toThrow('active signing key');
        await rotateKeys(db, await loadConfiguredKeys(config), 0);
      }
      const running = await startServer(config, log, db);
      const { keys } = (await (await fetch(`${running.url}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] };
      expect(keys).toHaveLength(1);
      expect(lines.filter((line) => line.includes('sys_key_unreadable') && line.includes('damaged')).length).toBeGreaterThan(0);
      await running.stop();
      await drop();
    });

  it('that appears while a server runs is logged once, and the server continues', async () => {
    await server.db.query({
      text: `insert into "SigningKey" (kid, "publicJwk", "encryptedPrivateJwk", "activeFrom") values ('late', '{}', '\\x00', now() + interval '1 h')`,
      values: [],
    });
    await waitUntil(() => server.log.some((line) => line.includes('sys_key_unreadable')));
    await new Promise((resolve) => setTimeout(resolve, 1_000)); // two more reads
    expect(server.log.filter((line) => line.includes('sys_key_unreadable'))).toHaveLength(1);
    expect(server.log.filter((line) => line.includes('sys_key_not_opened'))).toEqual([]);
    expect((await valid.query('{ me { email } }')).code).toBeUndefined();
  });

  it('that becomes active but that this node cannot decrypt is logged once, and logins fail with the time to wait', async () => {
    const { x } = JSON.parse((await generateKeys()).JWT_KEYS)[0] as { x: string };
    await server.db.query({
      text: `insert into "SigningKey" (kid, "publicJwk", "encryptedPrivateJwk", "activeFrom")
        values ('sealed', jsonb_build_object('kty', 'OKP', 'crv', 'Ed25519', 'kid', 'sealed', 'x', $1::text), '\\x00', now() - interval '1 s')`,
      values: [x],
    });
    const isReported = (line: string) => line.includes('sys_key_not_opened') && line.includes('sealed');
    await waitUntil(() => server.log.some(isReported));
    await new Promise((resolve) => setTimeout(resolve, 1_000)); // two more reads
    expect(server.log.filter(isReported)).toHaveLength(1);
    const login = 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }';
    const { code, headers } = await server.query(login, { input: { email: valid.email, password: valid.password } });
    await server.db.query({ text: `delete from "SigningKey" where kid = 'sealed'`, values: [] });
    expect([code, headers.get('retry-after')]).toEqual(['UNAVAILABLE', '1']);
  });
});

/** Changes of one audit event that no version writes. */
const damagedEvents: Record<string, string> = {
  'an unknown result': `result = 'maybe'`,
  'an unknown target type': `"targetType" = 'Comet', "targetId" = uuid_v7()`,
  'a target without a type': `"targetType" = null, "targetId" = uuid_v7()`,
  'details that are a number': `details = '1e400'`,
  'details that are a string': `details = '"text"'`,
  'details that are null': `details = 'null'`,
  'an infinite time': `at = 'infinity'`,
  'a time before all': `at = '-infinity'`,
  'a time before Christ': `at = '0044-03-15 BC'`,
};

describe('an audit event that cannot be read', () => {
  for (const [name, change] of Object.entries(damagedEvents))
    it(`with ${name} does not keep the others from being listed`, async () => {
      await waitForChain(server);
      const execute = (text: string) => server.db.query({ text, values: [] });
      await execute('alter table "AuditEvent" disable trigger user');
      await execute(`insert into "AuditEvent" (action, result, "chainedAt") values ('damaged', 'ok', now())`);
      await execute(`update "AuditEvent" set ${change} where action = 'damaged'`);
      const fields = 'at action result reason actor { id } user { id } targetType targetId network agent requestId details';
      const { data, errors } = await valid.query(`{ auditEvents(first: 50) { edges { node { ${fields} } } } }`);
      await execute(`delete from "AuditEvent" where action = 'damaged'`);
      await execute('alter table "AuditEvent" enable trigger user');
      const listed = data?.auditEvents?.edges.map(({ node }: { node: { action: string } | null }) => node?.action) ?? [];
      expect(errors?.filter(({ extensions }) => extensions.code !== 'INTERNAL') ?? []).toEqual([]);
      expect(listed).toContain('authn_login_success');
    });
});
