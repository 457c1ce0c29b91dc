import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { startTestServer, type TestUser } from '../test-server.ts';

const roots = [randomBytes(32), randomBytes(32)].map((root) => root.toString('base64'));
const server = await startTestServer({ ENCRYPTION_KEYS: JSON.stringify(roots.slice(0, 1)) });
const next = await startTestServer({ ENCRYPTION_KEYS: JSON.stringify(roots) });
const rotated = await startTestServer({ ENCRYPTION_KEYS: JSON.stringify(roots.toReversed()) });
const [admin, other] = [await server.user('ADMIN'), await server.user('ADMIN')];
const { prisma } = server.db;

const people: TestUser[] = [];
for (const displayName of ['ann secret', 'ben secret', 'cid secret', 'dan secret']) {
  const user = await server.user();
  await prisma.user.update({ where: { id: user.uuid }, data: { displayName } });
  people.push(user);
}
const [ann, ben] = people as [TestUser, TestUser];
for (const { uuid: userId } of people) await prisma.userSetting.createMany({ data: ['a', 'b', 'c'].map((key) => ({ userId, key })) });

const users = (args: string) =>
  `query ($after: String, $before: String) { list: users(${args}, after: $after, before: $before) { edges { cursor node { id } } } }`;
const filtered = users('filter: { search: "secret" }, orderBy: { displayName: ASC }');
const settingsOf = ({ id }: TestUser) =>
  `query ($after: String, $before: String) { user(id: "${id}") { list: settings(after: $after, before: $before) { edges { cursor node { id } } } } }`;

async function edgesOf(
  document: string,
  person: Pick<TestUser, 'query'> = admin,
  variables = {},
): Promise<{ cursor: string; node: { id: string } }[]> {
  const { data, errors } = await person.query(document, variables);
  expect(errors).toBeUndefined();
  return (data.list ?? data.user.list).edges;
}

const cursorsOf = async (document: string, person?: TestUser) => (await edgesOf(document, person)).map(({ cursor }) => cursor);
const [first = '', second = '', third = ''] = await cursorsOf(filtered);

/** The cursor with one byte changed. */
function changed(cursor: string, index: number) {
  const bytes = Buffer.from(cursor, 'base64url');
  bytes[index] = (bytes[index] ?? 0) ^ 1;
  return bytes.toString('base64url');
}

describe('a cursor', () => {
  it('is the same for the same place, and continues after it', async () => {
    expect(await cursorsOf(filtered)).toEqual(await cursorsOf(filtered));
    expect((await edgesOf(filtered, admin, { after: first })).map(({ node }) => node.id)).toEqual(people.slice(1).map(({ id }) => id));
  });

  it('contains neither the value that the list is ordered by nor the id, in any encoding', () => {
    for (const cursor of [first, second]) {
      const decoded = ['base64url', 'base64', 'utf8', 'hex'].map((encoding) =>
        Buffer.from(cursor, encoding as BufferEncoding).toString('latin1'),
      );
      for (const text of [...decoded, cursor]) {
        expect(text).not.toContain('secret');
        expect(text).not.toContain(ann.uuid);
        expect(text).not.toContain(Buffer.from(ann.uuid.replaceAll('-', ''), 'hex').toString('latin1'));
      }
    }
  });

  it('keeps its place when its row gets another value of the order', async () => {
    await prisma.user.update({ where: { id: ben.uuid }, data: { displayName: 'zoe secret' } });
    const found = (await edgesOf(filtered, admin, { after: second })).map(({ node }) => node.id);
    expect(found).toEqual([...people.slice(2), ben].map(({ id }) => id)); // ben moved behind the cursor
    await prisma.user.update({ where: { id: ben.uuid }, data: { displayName: 'ben secret' } });
  });

  it('returns a row that was added after its place, and none that was added before it', async () => {
    const [before, after] = [await server.user(), await server.user()];
    await prisma.user.update({ where: { id: before.uuid }, data: { displayName: 'aaa secret' } });
    await prisma.user.update({ where: { id: after.uuid }, data: { displayName: 'bob secret' } });
    const found = (await edgesOf(filtered, admin, { after: second })).map(({ node }) => node.id);
    expect(found).toEqual([after, ...people.slice(2)].map(({ id }) => id));
    await prisma.user.deleteMany({ where: { id: { in: [before.uuid, after.uuid] } } });
  });

  it('is valid in every session of its caller', async () => {
    const elsewhere = await server.newSession(admin);
    expect(await edgesOf(filtered, elsewhere, { after: first })).toHaveLength(people.length - 1);
  });

  it('means the same filter whatever the order of its fields, with or without null', async () => {
    const same = users('orderBy: { displayName: ASC, email: null }, filter: { domain: null, search: "secret" }');
    expect(await edgesOf(same, admin, { after: first })).toHaveLength(people.length - 1);
  });
});

describe('a cursor is rejected with INVALID_INPUT at its argument', () => {
  const forged: [string, string | (() => Promise<string | undefined>)][] = [
    ['is empty', ''],
    ['is any text', 'nonsense'],
    ['is the id of a row', () => Promise.resolve(Buffer.from(`GPC:S:${ann.uuid}`).toString('base64'))],
    ['has a changed first byte', changed(first, 0)],
    ['has a changed tag', changed(first, 15)],
    ['has a changed last byte', changed(first, Buffer.from(first, 'base64url').length - 1)],
    ['is cut', first.slice(0, -2)],
    ['is extended', `${first}AA`],
    ['has padding', `${first}=`],
    ['has foreign characters', `${first.slice(0, 5)}*${first.slice(5)}`],
    ['is very long', first.repeat(200)],
    [
      'is of the same list in the other direction',
      async () => (await cursorsOf(users('filter: { search: "secret" }, orderBy: { displayName: DESC }')))[0],
    ],
    [
      'is of the same list by another field',
      async () => (await cursorsOf(users('filter: { search: "secret" }, orderBy: { email: ASC }')))[0],
    ],
    ['is of the same list in the default order', async () => (await cursorsOf(users('filter: { search: "secret" }')))[0]],
    [
      'is of another filter',
      async () => (await cursorsOf(users('filter: { search: "secret", enabled: true }, orderBy: { displayName: ASC }')))[0],
    ],
    ['is of no filter', async () => (await cursorsOf(users('orderBy: { displayName: ASC }')))[0]],
    ['is of another list', async () => (await cursorsOf(settingsOf(ann)))[0]],
    ['is of another caller', async () => (await cursorsOf(filtered, other))[0]],
  ];

  it.each(forged)('when it %s', async (_, cursor) => {
    const text = typeof cursor === 'string' ? cursor : await cursor();
    expect(text).toBeDefined();
    for (const name of ['after', 'before']) {
      const { data, errors } = await admin.query(filtered, { [name]: text });
      expect(data.list).toBeNull();
      expect(errors?.[0]).toMatchObject({
        path: ['list'],
        extensions: { code: 'INVALID_INPUT', fields: { [name]: ['must be a cursor of this list'] } },
      });
    }
  });

  it('when it is of the same list of another object', async () => {
    const [ofAnn = ''] = await cursorsOf(settingsOf(ann));
    expect(await edgesOf(settingsOf(ann), admin, { after: ofAnn })).toHaveLength(2);
    expect((await admin.query(settingsOf(ben), { after: ofAnn })).errors?.[0]?.extensions.fields).toHaveProperty('after');
  });

  it('for each object of a list but its own', async () => {
    const [ofAnn = ''] = await cursorsOf(settingsOf(ann));
    const document = `query ($after: String) { users(filter: { search: "secret" }) { edges { node { id settings(after: $after) { edges { cursor } } } } } }`;
    const { data, errors } = await admin.query(document, { after: ofAnn });
    expect(errors).toHaveLength(people.length - 1);
    const nodes = data.users.edges.map(({ node }: { node: { id: string; settings: object | null } }) => node);
    expect(nodes.filter(({ settings }: { settings: object | null }) => settings).map(({ id }: { id: string }) => id)).toEqual([ann.id]);
  });

  it('when nothing but the total is selected', async () => {
    const document = 'query ($after: String) { users(after: $after) { totalCount } }';
    expect((await admin.query(document, { after: third })).errors?.[0]?.extensions.fields).toHaveProperty('after');
  });
});

it('continues from a cursor of a previous encryption key', async () => {
  const document = 'query ($after: String) { list: domains(after: $after) { edges { cursor node { id } } } }';
  for (const { db } of [next, rotated])
    await db.prisma.domain.createMany({
      data: ['01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000002'].map((id, index) => ({
        id,
        name: `d${index}`,
        displayName: 'd',
      })),
    });
  const [cursor = ''] = (await next.query(document)).data.list.edges.map((edge: { cursor: string }) => edge.cursor);
  const { data } = await rotated.query(document, { after: cursor });
  expect(data.list.edges).toHaveLength(1);
  expect(data.list.edges[0].cursor).not.toBe(cursor);
});
