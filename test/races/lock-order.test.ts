import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { deriveLinkToken, hashToken } from '../../src/identity/tokens/opaque-token.ts';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, type TestUser, waitUntil } from '../test-server.ts';

type Caller = Pick<TestUser, 'query' | 'email'>;
type Mutations = Record<string, (by: Caller) => Promise<unknown>>;

/** The embedded database has one connection, so no transaction waits for another one. */
describe.skipIf(isEmbedded)('two administrators of one domain', async () => {
  const server = await startTestServer({ LOG_LEVEL: 'error' });
  const { prisma } = server.db;
  const [above, beside] = [await server.domain('above'), await server.domain('beside')];
  const domain = await server.domain('here', 'above');
  const below = await server.domain('below', 'here');
  const reader = await prisma.role.create({ data: { name: 'READER', permissions: ['users:read'] } });
  const member = await server.user('USER', 'here');
  const inviter = await server.user('ADMIN', 'here');
  const administrator = async () => {
    const user = await server.user('SUPERADMIN');
    await server.grant(user.uuid, 'ADMIN', 'here');
    await server.grant(user.uuid, 'READER', 'here');
    return server.newSession(user, domain.id);
  };
  const [first, second] = [await administrator(), await administrator()];
  const { uuid: memberId } = member;
  const { id: heldGrant } = await prisma.roleGrant.findFirstOrThrow({ where: { userId: second.uuid, domainId: domain.id } });
  // The second one watches: within a transaction PostgreSQL does not list connections that were opened later.
  const [holder, watcher] = [0, 1].map(() => new pg.Client({ connectionString: server.databaseUrl })) as [pg.Client, pg.Client];
  await Promise.all([holder.connect(), watcher.connect()]);
  afterAll(() => Promise.all([holder.end(), watcher.end()]));

  const mutate = (by: Caller, field: string, input: object, type = `${field.charAt(0).toUpperCase()}${field.slice(1)}Input`) =>
    by.query(`mutation ($input: ${type}!) { ${field}(input: $input) { __typename } }`, { input });
  const inHere = { userId: member.id, role: 'READER', domain: 'here' };
  let turn = 0;

  const mutations: Mutations = {
    'rename the domain': (by) => mutate(by, 'updateDomain', { id: domain.globalId, displayName: `Here ${++turn}` }),
    'enable the domain': (by) => mutate(by, 'updateDomain', { id: domain.globalId, active: true }),
    'move the domain': (by) => mutate(by, 'updateDomain', { id: domain.globalId, parent: ++turn % 2 ? 'beside' : 'above' }),
    'disable a domain below': (by) => mutate(by, 'updateDomain', { id: below.globalId, active: ++turn % 2 === 0 }),
    'create a domain': (by) => mutate(by, 'createDomain', { name: `new-${++turn}`, displayName: 'New', parent: 'here' }),
    'grant a role': (by) => mutate(by, 'grantRole', { ...inHere, delegable: ++turn % 5 }),
    'revoke a role': (by) => mutate(by, 'revokeRole', inHere),
    'accept an invitation': async (by) => mutate(by, 'acceptInvitation', { token: await invitationTo(by.email) }),
    'revoke the tokens of a user in the domain': () => mutate(inviter, 'revokeTokens', { userId: member.id }),
    'disable a user': (by) => mutate(by, 'disableUser', { id: member.id }),
    'change the role': (by) => mutate(by, 'updateRole', { id: globalIdOf('Role', reader.id), permissions: ['users:read'] }),
  };

  const globalIdOf = (type: string, id: string) => Buffer.from(`${type}:${id}`).toString('base64');

  async function invitationTo(email: string): Promise<string> {
    const expiresAt = new Date(Date.now() + 3_600_000);
    const data = { email, emailKey: email, roleId: reader.id, domainId: domain.id, invitedById: inviter.uuid, expiresAt };
    const { id } = await prisma.invitation.create({ data });
    const linkId = randomUUID();
    const token = deriveLinkToken(server.keys, linkId);
    const link = {
      id: linkId,
      purpose: 'INVITATION',
      invitationId: id,
      email,
      emailKey: email,
      hash: hashToken(token),
      expiresAt,
    } as const;
    await prisma.emailLink.create({ data: link });
    return token;
  }

  /** What the first one waits for while the second one starts. With a share lock both take what they only rely on, and wait for what they change. */
  const held = [
    `select from "Domain" where id = '${domain.id}' for share`,
    `select from "Domain" where id in ('${domain.id}', '${above.id}', '${beside.id}') for update`,
    `select from "RoleGrant" where "userId" = '${memberId}' or id = '${heldGrant}' for update`,
    `select from "Role" where id = '${reader.id}' for update`,
  ];

  const waiting = async () => {
    const { rows } = await watcher.query(`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`);
    return rows.length;
  };

  /** Starts both while rows are held, and releases these when both wait or have ended. */
  async function runBoth(statement: string, run: readonly (() => Promise<unknown>)[]) {
    const answers: Promise<unknown>[] = [];
    let ended = 0;
    await holder.query('begin');
    try {
      await holder.query(statement);
      for (const start of run) {
        answers.push(start().finally(() => (ended += 1)));
        await waitUntil(async () => (await waiting()) + ended >= answers.length);
      }
    } finally {
      await holder.query('rollback');
    }
    await Promise.all(answers);
  }

  /** PostgreSQL counts a deadlock when the session that it has ended is over. */
  async function countDeadlocks(): Promise<number> {
    const others = `from pg_stat_activity where datname = current_database() and pid <> all($1)`;
    const own = [holder, watcher].map((client) => (client as pg.Client & { processID: number }).processID);
    const { rows: ended } = await watcher.query<{ pid: number }>(`select pid, pg_terminate_backend(pid) ${others}`, [own]);
    const pids = ended.map(({ pid }) => pid);
    await waitUntil(async () => (await watcher.query('select from pg_stat_activity where pid = any($1)', [pids])).rows.length === 0);
    const { rows } = await watcher.query<{ deadlocks: string }>(
      'select deadlocks from pg_stat_database where datname = current_database()',
    );
    return Number(rows[0]?.deadlocks);
  }

  const names = Object.keys(mutations);
  for (const [index, one] of names.entries())
    it(`never deadlock when one is to ${one} and the other makes any change`, { timeout: 120_000 }, async () => {
      const before = await countDeadlocks();
      for (const other of names.slice(index))
        for (const statement of held) {
          await runBoth(statement, [async () => mutations[one]?.(first), async () => mutations[other]?.(second)]);
        }
      expect(await countDeadlocks()).toBe(before);
    });
});
