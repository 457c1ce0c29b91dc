import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommand } from '../cli/process.ts';
import { logIn, type Member, type Node, refresh, register, startNode } from '../cluster/nodes.ts';
import { isEmbedded } from '../test-database.ts';
import { waitUntil } from '../test-server.ts';
import { follow } from '../token/revocation-stream.ts';
import { databaseWith } from './operator-settings.ts';
import { extractPreviousVersion, isAvailable, isWholeClone } from './previous-version.ts';

if (!isAvailable && isWholeClone && process.env.CI) throw new Error('The commit of the previous version does not exist.');
if (!isAvailable) console.warn('\n!!! THIS CLONE DOES NOT CONTAIN THE PREVIOUS VERSION: the upgrade was not tested.\n');

const password = 'nine amber foxes fold a paper crane';
const root = 'root@example.com';

/** Reads rows of the database. */
async function rowsOf(url: string, text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client.query(text, values).then(
    async ({ rows }) => {
      await client.end();
      return rows;
    },
    async (error) => {
      await client.end();
      throw error;
    },
  );
}

/** The rows that an upgrade must keep, by table; without what every use of a session or a job changes. */
async function contentOf(url: string): Promise<Record<string, Record<string, unknown>[]>> {
  const tables = ['User', 'Password', 'Role', 'RoleGrant', 'Domain', 'Invitation', 'EmailLink', 'UserSetting', 'AuditEvent', 'SigningKey'];
  const content = await Promise.all(tables.map(async (table) => [table, await rowsOf(url, `select * from "${table}" order by 1, 2`)]));
  const tokens = await rowsOf(
    url,
    'select id, "userId", kind, "domainId", scopes, "createdAt", "expiresAt", "revokedAt" from "Token" order by id',
  );
  return { ...Object.fromEntries(content), Token: tokens };
}

/** The token of the link in the email to an address. */
const linkTo = (url: string, path: string, email: string): Promise<string> =>
  waitUntil(async () => {
    const rows = await rowsOf(
      url,
      `select m.preview->>'text' as text from "OutboxEmail" m left join "Invitation" i on i.id = m."invitationId" left join "User" u on u.id = m."userId"
       where m.preview is not null and $1 in (m."emailKey", i.email, u."emailKey")`,
      [email],
    );
    return rows.map(({ text }) => new RegExp(`${path}\\?token=(fgl_[\\w-]{43})`).exec(String(text))?.[1]).find(Boolean);
  });

async function run(node: Node, document: string, input: object, token?: string) {
  const { data, code } = await node.query(document, { input }, { token });
  if (!data) throw new Error(`${document} failed: ${code}`);
  return Object.values(data)[0] as Record<string, never>;
}

const accepts = async (node: Node, token: string) => (await node.query('{ me { id } }', {}, { token })).code === undefined;

describe.skipIf(isEmbedded || !isAvailable)(
  'an upgrade from the previous version (needs a PostgreSQL server)',
  { timeout: 180_000 },
  async () => {
    const previous = isAvailable ? await extractPreviousVersion() : undefined;
    afterAll(() => previous?.remove());

    it('keeps what is stored, and both versions serve it side by side until the previous one stops', async () => {
      const environment: Record<string, string> = {
        ...(await databaseWith('drop schema public cascade', 'create schema public')),
        TRUSTED_PROXIES: '1',
        ALLOWED_HOSTS: '127.0.0.1',
        LOG_LEVEL: 'warn',
        PUBLIC_URL: 'http://127.0.0.1:4000',
      };
      const url = environment.DATABASE_URL ?? '';
      const created = await runCommand([previous?.admin ?? '', 'create-superadmin', root], environment, `${password}\n`);
      expect([created.code, created.err]).toEqual([0, '']);
      const old = await startNode(environment, previous?.main);
      const admin = await logIn(old, { email: root, password } as Member);
      const as = (document: string, input: object) => run(old, document, input, admin.accessToken);
      await as('mutation ($input: CreateDomainInput!) { createDomain(input: $input) { domain { id } } }', {
        name: 'north',
        displayName: 'North',
      });
      await as('mutation ($input: CreateRoleInput!) { createRole(input: $input) { role { id } } }', {
        name: 'READER',
        permissions: ['users:read'],
      });
      const [alice, bob, carol] = [await register(old), await register(old), await register(old)];
      const [invited, resetting] = [`${randomUUID()}@example.com`, carol.email];
      const aliceId = (await old.query('{ me { id } }', {}, { token: alice.accessToken })).data.me.id;
      await as('mutation ($input: GrantRoleInput!) { grantRole(input: $input) { changed } }', {
        userId: aliceId,
        role: 'READER',
        domain: 'north',
      });
      await as('mutation ($input: InviteUserInput!) { inviteUser(input: $input) { invitation { id } } }', { email: invited, role: 'USER' });
      await run(old, 'mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ok } }', { email: resetting });
      await run(
        old,
        'mutation ($input: SetSettingInput!) { setSetting(input: $input) { setting { key } } }',
        { key: 'theme', value: 'dark' },
        alice.accessToken,
      );
      const { secret } = await as('mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret } }', {
        description: 'reports',
        scopes: ['users:read'],
      });
      const [invitation, reset] = [await linkTo(url, '/invite', invited), await linkTo(url, '/reset', resetting)] as const;
      const before = await contentOf(url);

      const current = await startNode(environment);
      const after = await contentOf(url);
      for (const [table, rows] of Object.entries(before))
        for (const [index, row] of rows.entries()) expect(after[table]?.[index], table).toMatchObject(row);

      // Each version accepts what the other one has opened.
      for (const node of [old, current])
        for (const token of [alice.accessToken, bob.accessToken, admin.accessToken, secret])
          expect(await accepts(node, String(token))).toBe(true);
      const renewed = await refresh(current, alice.refreshToken);
      expect(await accepts(old, renewed.data.refresh.accessToken)).toBe(true);
      const again = await refresh(old, renewed.data.refresh.refreshToken);
      expect(await accepts(current, again.data.refresh.accessToken)).toBe(true);
      const [fromOld, fromCurrent] = [await logIn(old, bob), await logIn(current, bob)];
      expect([await accepts(current, fromOld.accessToken), await accepts(old, fromCurrent.accessToken)]).toEqual([true, true]);

      // Each version rejects what the other one has ended, and both report it.
      const streams = [await follow(old, admin.accessToken, '(all: true)'), await follow(current, admin.accessToken, '(all: true)')];
      const logout = 'mutation { logout { ended } }';
      await old.query(logout, {}, { token: fromCurrent.accessToken });
      await current.query(logout, {}, { token: fromOld.accessToken });
      for (const node of [old, current])
        for (const { accessToken } of [fromOld, fromCurrent]) expect(await accepts(node, accessToken)).toBe(false);
      for (const { sids } of streams) await waitUntil(() => sids.length === 2);
      expect(streams.map(({ sids }) => [...sids].sort())).toEqual(Array(2).fill([fromOld.sid, fromCurrent.sid].sort()));

      // Links of the previous version work in this one.
      await run(current, 'mutation ($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { made } }', {
        token: invitation,
        password,
      });
      await run(current, 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { ok } }', {
        token: reset,
        newPassword: password,
      });
      expect(await accepts(old, carol.accessToken)).toBe(false);
      for (const email of [invited, resetting]) expect((await logIn(old, { email, password } as Member)).accessToken).toBeDefined();

      // The previous version finishes its work, but does not start again.
      expect([old.said.err, current.said.err]).toEqual(['', '']);
      await old.kill();
      const restarted = await runCommand([previous?.main ?? ''], environment);
      expect([restarted.code, restarted.err]).toEqual([
        1,
        expect.stringMatching(/^The database has the migration \S+, which this version does not know\./),
      ]);
      expect(await accepts(current, again.data.refresh.accessToken)).toBe(true);
      const verified = await runCommand(['scripts/admin.ts', 'verify-audit'], environment);
      expect([verified.code, verified.err]).toEqual([0, '']);
    });
  },
);
