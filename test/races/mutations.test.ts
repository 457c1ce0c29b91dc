import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, type TestUser, waitUntil } from '../test-server.ts';
import { lockUser, openHolder, type Statement } from './hold.ts';

const sidOf = ({ tokenId }: TestUser) => Buffer.from(tokenId, 'base64').toString().replace('Token:', '');
const ofSession = (user: TestUser) => [sidOf(user)];
const ofUser = ({ uuid }: TestUser) => [uuid];
const setSetting = 'mutation { setSetting(input: { key: "theme", value: "dark" }) { setting { key } } }';
const grant = 'mutation ($userId: ID!, $role: String!) { grantRole(input: { userId: $userId, role: $role }) { changed } }';
const updateUser = 'mutation ($id: ID!) { updateUser(input: { id: $id, displayName: "Changed" }) { user { id } } }';
const createRole = 'mutation { createRole(input: { name: "USER" }) { role { id } } }';
const erase = 'mutation ($id: ID!) { deleteUser(input: { id: $id, erase: true }) { changed } }';

/** What may happen to the caller of a mutation while it waits for a lock: the statement, its values and the error of the mutation. */
const changes: Record<string, readonly [statement: string, values: (user: TestUser) => string[], code: string]> = {
  'the session is revoked': [
    `update "Token" set "revokedAt" = now(), "revokedReason" = 'LOGOUT' where id = $1`,
    ofSession,
    'TOKEN_REVOKED',
  ],
  'the session expires': [`update "Token" set "expiresAt" = now() where id = $1`, ofSession, 'TOKEN_EXPIRED'],
  'the session reaches its idle end': [`update "Token" set "idleExpiresAt" = now() where id = $1`, ofSession, 'TOKEN_EXPIRED'],
  'the session is purged': ['delete from "Token" where id = $1', ofSession, 'UNAUTHENTICATED'],
  'the account is disabled': ['update "User" set enabled = false where id = $1', ofUser, 'ACCOUNT_DISABLED'],
  'the account is deleted': ['update "User" set "deletedAt" = now() where id = $1', ofUser, 'ACCOUNT_DISABLED'],
};

/** The embedded database has one connection, so no request is ever between two statements of another one. */
describe.skipIf(isEmbedded)('a mutation checks again when it writes', async () => {
  const server = await startTestServer();
  const { prisma } = server.db;
  const superadmin = await server.user('SUPERADMIN');
  const holder = await openHolder(server);
  afterEach(() => holder.release());
  afterAll(() => holder.close());

  const isWaiting = (count: number) => waitUntil(async () => (await holder.waiting()) >= count);
  const changeDuring = <T>({ uuid }: TestUser, start: () => Promise<T>, ...change: Statement) =>
    holder.changeDuring(lockUser(uuid), start, change);

  it.each(Object.entries(changes))('and is rejected if %s while it waits', async (_, [statement, values, code]) => {
    const user = await server.user();
    const { code: actual } = await changeDuring(user, () => user.query(setSetting), statement, values(user));
    expect(actual).toBe(code);
    expect(await prisma.userSetting.count({ where: { userId: user.uuid } })).toBe(0);
  });

  it('and reveals nothing to a caller who loses the right to it while it waits', async () => {
    const admin = await server.user('SUPERADMIN');
    expect((await admin.query(createRole)).code).toBe('TAKEN');
    const demote = 'delete from "RoleGrant" where "userId" = $1';
    expect((await changeDuring(admin, () => admin.query(createRole), demote, [admin.uuid])).code).toBe('FORBIDDEN');
  });

  it('and applies the rules of its input fields to the caller as of then', async () => {
    const [caller, target] = [await server.user('SUPERADMIN'), await server.user()];
    const demote = `update "RoleGrant" set "roleId" = (select id from "Role" where name = 'ADMIN') where "userId" = $1`;
    const answer = changeDuring(caller, () => caller.query(erase, { id: target.id }), demote, [caller.uuid]);
    expect((await answer).code).toBe('FORBIDDEN');
    expect((await prisma.user.findUniqueOrThrow({ where: { id: target.uuid } })).erasedAt).toBeNull();
  });

  it('and applies its rule to the target as of then', async () => {
    const [north, south] = [await server.domain('north'), await server.domain('south')];
    const [admin, target] = [await server.user('ADMIN', north.name), await server.user('USER', north.name)];
    const share = `insert into "RoleGrant" ("userId", "roleId", "domainId") select $1, id, $2 from "Role" where name = 'USER'`;
    const answer = changeDuring(target, () => admin.query(updateUser, { id: target.id }), share, [target.uuid, south.id]);
    expect((await answer).code).toBe('FORBIDDEN');
    expect((await prisma.user.findUniqueOrThrow({ where: { id: target.uuid } })).displayName).not.toBe('Changed');
  });

  it.each(['revokeToken', 'disableUser'])('and %s of its caller waits until it has written', async (name) => {
    const admin = await server.user('ADMIN');
    const role = await prisma.role.create({ data: { name: `HELD_BY_${name.toUpperCase()}` } });
    await holder.begin(['select from "Role" where id = $1 for update', [role.id]]); // locked after the caller and their token
    const answer = admin.query(grant, { userId: (await server.user()).id, role: role.name });
    await isWaiting(1);
    const end = `mutation ($id: ID!) { ${name}(input: { id: $id }) { changed } }`;
    const ended = superadmin.query(end, { id: name === 'revokeToken' ? admin.tokenId : admin.id });
    await isWaiting(2);
    await holder.release();
    await answer; // its payload is read after the end, which may come before or after that
    expect(await prisma.roleGrant.count({ where: { roleId: role.id } })).toBe(1);
    expect((await ended).data[name].changed).toBe(true);
  });
});
