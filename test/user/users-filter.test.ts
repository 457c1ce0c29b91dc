import { describe, expect, it } from 'vitest';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer();
const admin = await server.user('ADMIN');

const query = 'query ($filter: UserFilter) { users(filter: $filter) { edges { node { id } } } }';
const find = async (filter: object): Promise<string[]> =>
  (await admin.query(query, { filter })).data.users.edges.map(({ node }: { node: { id: string } }) => node.id);
const createUser = async (account: object) => {
  const person = await server.user();
  await server.db.prisma.user.update({ where: { id: person.uuid }, data: account });
  return person;
};

describe('users filtered by account fields', () => {
  it('filters by confirmed', async () => {
    const unproven = await createUser({ emailConfirmedAt: null });
    expect(await find({ confirmed: false })).toEqual([unproven.id]);
    expect(await find({ confirmed: true, search: unproven.email })).toEqual([]);
  });

  it('filters by creation time, with both bounds inclusive', async () => {
    const [from, between, to] = ['2001-02-03T04:05:06.007Z', '2001-02-03T04:05:07Z', '2001-02-03T04:05:08.009Z'];
    const made = [];
    for (const createdAt of [from, between, to]) made.push((await createUser({ createdAt })).id);
    expect(await find({ createdFrom: from, createdTo: to })).toEqual(made);
    expect(await find({ createdFrom: '2001-02-03T04:05:06.008Z', createdTo: '2001-02-03T04:05:08.008Z' })).toEqual([made[1]]);
    expect(await find({ createdTo: between })).toEqual(made.slice(0, 2));
  });
});
