import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKeys } from '../../src/identity/keys/configured-keys.ts';
import { isEmbedded } from '../test-database.ts';
import { runCommand, tempEnvironment } from './process.ts';

const { environment, cleanUp } = await tempEnvironment();
const keys = await generateKeys();
const role = `fieldgate_rights_${process.pid}`;
const empty = `fieldgate_empty_${process.pid}`;

async function execute(...statements: string[]) {
  const client = new pg.Client({ connectionString: environment.DATABASE_URL });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** The findings of `doctor`, in one line each. */
async function diagnose(url = environment.DATABASE_URL ?? '', settings: Record<string, string> = {}) {
  const { code, out } = await runCommand(['scripts/admin.ts', 'doctor', '--json'], {
    ...environment,
    ...keys,
    ...settings,
    DATABASE_URL: url,
  });
  const { checks } = JSON.parse(out) as { checks: Record<'check' | 'status' | 'message', string>[] };
  return { code, findings: checks.map(({ check, status, message }) => `${status} ${check}: ${message}`) };
}

describe.skipIf(isEmbedded)('the admin command doctor', { timeout: 120_000 }, () => {
  beforeAll(() => execute(`create role ${role} login password 'secret'`, `create database ${empty} encoding 'UTF8' template template0`));
  afterAll(async () => {
    if (!isEmbedded) await execute(`drop database ${empty}`, `drop owned by ${role}`, `drop role ${role}`);
    await cleanUp();
  });

  it('warns when a role other than the owner may change the audit or the migrations', async () => {
    await execute(`grant update on "AuditEvent" to ${role}`, `grant insert on "AuditChain" to ${role}`);
    const warning = `: ${role} on AuditChain, ${role} on AuditEvent; revoke that`;
    expect((await diagnose()).findings).toContainEqual(expect.stringContaining(warning));
    await execute(`revoke update on "AuditEvent" from ${role}`, `revoke insert on "AuditChain" from ${role}`);
    expect((await diagnose()).findings.filter((finding) => finding.includes(role))).toEqual([]);
  });

  it('names the tables that the user of DATABASE_URL may not use, also if another user migrates', async () => {
    await execute(
      `grant select, insert, update, delete on all tables in schema public to ${role}`,
      `revoke insert on "Domain" from ${role}`,
    );
    const url = Object.assign(new URL(environment.DATABASE_URL ?? ''), { username: role, password: 'secret' }).href;
    const { findings } = await diagnose(url, { DATABASE_DIRECT_URL: environment.DATABASE_URL ?? '' });
    await execute(`revoke all on all tables in schema public from ${role}`);
    expect(findings).toContainEqual(
      'problem rights: the user of the database lacks privileges on Domain; grant them (docs/operations.md, Two database roles)',
    );
  });

  it('reports an empty database as a problem when the user may not create tables', async () => {
    const changes = { username: role, password: 'secret', pathname: `/${empty}` };
    const { code, findings } = await diagnose(Object.assign(new URL(environment.DATABASE_URL ?? ''), changes).href);
    expect(code).toBe(1);
    expect(findings).toContainEqual(
      expect.stringContaining('problem rights: the database has no tables, and the user may not create them'),
    );
    expect(findings.filter((finding) => finding.includes('may read and write'))).toEqual([]);
  });
});
