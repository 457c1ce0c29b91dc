import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import pg from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../../src/identity/credentials/password-hash.ts';
import { isEmbedded } from '../test-database.ts';
import { waitUntil } from '../test-server.ts';
import { type Node, startNodes } from './nodes.ts';

const day = 86_400_000;
const password = 'horses of the correct battery';
/** Preloaded into a server process: its clock is off. */
const shiftClock = (milliseconds: number) => `
  const now = Date.now.bind(Date);
  globalThis.Date = class extends Date {
    constructor(...args) { super(...(args.length === 0 ? [now() + ${milliseconds}] : args)); }
    static now() { return now() + ${milliseconds}; }
  };`;
const shifted = (milliseconds: number) => ({
  NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(shiftClock(milliseconds)).replaceAll("'", '%27')}`,
});
const ready = ({ url }: Node) => fetch(`${url}/health/ready`).then(({ status }) => status);

describe.skipIf(isEmbedded)('a node whose clock differs from that of the database', { timeout: 180_000 }, async () => {
  const { nodes, db, environment, start, leave } = await startNodes(1);
  afterAll(leave);
  const [right] = nodes as [Node];

  it('is not ready when it is more than 5 seconds off, and says so in its log', async () => {
    expect(await ready(right)).toBe(200);
    for (const seconds of [-30, 30]) {
      const node = await start(shifted(seconds * 1_000));
      expect(await ready(node)).toBe(503);
      expect(await fetch(`${node.url}/health/live`).then(({ status }) => status)).toBe(200);
      await waitUntil(() => node.said.out.includes('the clock of this node differs from that of the database'));
      await node.kill();
    }
    const almost = await start(shifted(2_000));
    expect(await ready(almost)).toBe(200);
    await almost.kill();
  });

  /** Every instant in the database, by its table and column. */
  async function instants(): Promise<Map<string, number[]>> {
    const client = new pg.Client({ connectionString: (environment as Record<string, string>).DATABASE_URL });
    await client.connect();
    const { rows: columns } = await client.query<{ table: string; column: string }>(`
      select table_name as table, column_name as column from information_schema.columns
      where table_schema = current_schema() and data_type = 'timestamp with time zone' and table_name not like '\\_%'`);
    const found = new Map<string, number[]>();
    for (const { table, column } of columns) {
      const { rows } = await client.query<{ at: Date }>(`select distinct "${column}" as at from "${table}" where "${column}" is not null`);
      found.set(
        `${table}.${column}`,
        rows.map(({ at }) => at.getTime()),
      );
    }
    await client.end();
    return found;
  }

  /** A superadmin with a session of this node. */
  async function superadmin(node: Node) {
    const email = `${randomUUID()}@example.com`;
    const { id } = await db.prisma.user.create({
      data: {
        email,
        emailKey: email,
        password: { create: { hash: await hashPassword(password) } },
        grants: { create: { role: { connect: { name: 'SUPERADMIN' } } } },
      },
    });
    await db.prisma.$executeRaw`update "User" set "emailConfirmedAt" = now() where id = ${id}::uuid`;
    const { data } = await node.query(
      'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken refreshToken expiresAt } } }',
      { input: { email, password } },
    );
    return { id, email, ...(data.login as { accessToken: string; refreshToken: string; expiresAt: string }) };
  }

  it.each([-100 * day, 100 * day])('writes no instant by its own clock, %d ms off', async (shift) => {
    const before = await instants();
    const started = Date.now();
    const node = await start(shifted(shift));
    const root = await superadmin(node);
    const run = async (document: string, variables: object = {}) => {
      const { data, code } = await node.query(document, variables, { token: root.accessToken });
      expect([document, code]).toEqual([document, undefined]);
      return data;
    };
    const name = `d${randomUUID().slice(0, 8)}`;
    const { createDomain } = await run('mutation ($input: CreateDomainInput!) { createDomain(input: $input) { domain { id } } }', {
      input: { name, displayName: 'One' },
    });
    const domain = { id: createDomain.domain.id, displayName: 'Two' };
    await run('mutation ($input: UpdateDomainInput!) { updateDomain(input: $input) { domain { id } } }', { input: domain });
    const email = `${randomUUID()}@example.com`;
    const { createUser } = await run('mutation ($input: CreateUserInput!) { createUser(input: $input) { user { id } } }', {
      input: { email },
    });
    const userId = createUser.user.id;
    const role = `R${randomUUID().slice(0, 8).toUpperCase()}`;
    await run('mutation ($input: CreateRoleInput!) { createRole(input: $input) { role { id } } }', {
      input: { name: role, permissions: ['users:read'] },
    });
    const soon = new Date(Date.now() + 600_000).toISOString();
    await run('mutation ($input: GrantRoleInput!) { grantRole(input: $input) { changed } }', {
      input: { userId, role, domain: name, expiresAt: soon },
    });
    await run('mutation { setSetting(input: { key: "theme", value: "dark" }) { setting { key } } }');
    await run('mutation { setSetting(input: { key: "theme", value: "light" }) { setting { key } } }');
    await run('mutation { updateProfile(input: { firstName: "Ada" }) { user { id } } }');
    await run(
      'mutation ($at: DateTime) { createApiToken(input: { description: "a", scopes: ["users:read"], expiresAt: $at }) { secret } }',
      {
        at: soon,
      },
    );
    const invite = 'mutation ($input: InviteUserInput!) { inviteUser(input: $input) { invitation { id } } }';
    const { inviteUser } = await run(invite, { input: { email: `${randomUUID()}@example.com`, role, expiresAt: soon } });
    await run('mutation ($id: ID!) { revokeInvitation(input: { id: $id }) { changed } }', { id: inviteUser.invitation.id });
    await run('mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ok } }', { input: { email } });
    await run('mutation ($id: ID!) { disableUser(input: { id: $id }) { changed } }', { id: userId });
    await run('mutation ($id: ID!) { deleteUser(input: { id: $id }) { __typename } }', { id: userId });
    await run(`mutation { changePassword(input: { currentPassword: "${password}", newPassword: "nine amber foxes fold" }) { ended } }`);
    await waitUntil(async () => (await db.prisma.outboxEmail.count({ where: { completedAt: null, dueAt: { lte: new Date() } } })) === 0);
    for (const [column, values] of await instants())
      for (const value of values.filter((at) => !before.get(column)?.includes(at)))
        expect([column, value > started - 5_000 && value < Date.now() + 95 * day]).toEqual([column, true]);
    await node.kill();
  });

  it.each([-100 * day, 100 * day])('issues and accepts tokens by the time of the database, %d ms off', async (shift) => {
    const node = await start(shifted(shift));
    const [here, there] = [await superadmin(node), await superadmin(right)];
    for (const { accessToken, expiresAt } of [here, there]) {
      const { iat, exp } = JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString());
      expect(Math.abs(iat * 1_000 - Date.now())).toBeLessThan(60_000);
      expect([exp - iat, Date.parse(expiresAt)]).toEqual([300, exp * 1_000]);
    }
    for (const one of [node, right])
      for (const { accessToken: token } of [here, there]) expect((await one.query('{ me { id } }', {}, { token })).code).toBeUndefined();
    const refreshed = await node.query('mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken } }', {
      input: { refreshToken: there.refreshToken },
    });
    expect((await right.query('{ me { id } }', {}, { token: refreshed.data.refresh.accessToken })).code).toBeUndefined();
    const past = new Date(Date.now() - 600_000).toISOString();
    const create =
      'mutation ($at: DateTime) { createApiToken(input: { description: "a", scopes: ["users:read"], expiresAt: $at }) { secret } }';
    expect((await node.query(create, { at: past }, { token: here.accessToken })).code).toBe('INVALID_INPUT');
    await node.kill();
  });

  it('records audit events in the order in which they happened, whichever node records them', async () => {
    const [behind, ahead] = [await start(shifted(-100 * day)), await start(shifted(100 * day))];
    const root = await superadmin(right);
    const userId = encodeGlobalID('User', root.id);
    for (const node of [ahead, behind, right, ahead, behind])
      await node.query('mutation { updateProfile(input: { firstName: "A" }) { user { id } } }', {}, { token: root.accessToken });
    await behind.query('mutation { logout { ended } }', {}, { token: root.accessToken });
    const events = await db.prisma.auditEvent.findMany({ where: { userId: root.id }, orderBy: [{ at: 'asc' }, { id: 'asc' }] });
    expect(events[0]?.action, userId).toBe('authn_login_success');
    expect(events.at(-1)?.action).toBe('session_revoked');
    const token = await db.prisma.token.findFirstOrThrow({ where: { userId: root.id } });
    expect(token.revokedAt?.getTime()).toBeLessThanOrEqual(events.at(-1)?.at.getTime() ?? 0);
    expect(events.map(({ id }) => id)).toEqual(events.map(({ id }) => id).sort());
    for (const node of [behind, ahead]) await node.kill();
  });
});
