import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { anonymous, startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
await server.domain('north');
await server.domain('south');
const owners = [await ownerOfDocument('USER'), await ownerOfDocument('ADMIN'), await ownerOfDocument('SUPERADMIN')];
const callers: Record<string, Pick<TestUser, 'query'>> = {
  anonymous: anonymous(server),
  otherUser: await server.user(),
  domainAdmin: await server.user('ADMIN', 'north'),
  foreignDomainAdmin: await server.user('ADMIN', 'south'),
  admin: await server.user('ADMIN'),
  superadmin: await server.user('SUPERADMIN'),
};

const read = graphql(`
  query DocumentByEveryPath($id: ID!, $owner: ID!) {
    node(id: $id) { id }
    documents(first: 100) { totalCount edges { cursor node { id } } }
    user(id: $owner) { folders { edges { node { documents { totalCount edges { node { id } } } } } } }
  }
`);
const readAfter = graphql(`query DocumentsAfter($cursor: String!) { documents(after: $cursor) { totalCount } }`);
const rename = graphql(`
  mutation RenameDocumentAsCaller($input: RenameDocumentInput!) { renameDocument(input: $input) { document { title } } }
`);

describe('Document', () => {
  const [yes, no] = ['by every path', 'by no path'];

  it.each([
    { rank: 'USER', anonymous: no, owner: yes, otherUser: no, domainAdmin: no, foreignDomainAdmin: no, admin: yes, superadmin: yes },
    { rank: 'ADMIN', anonymous: no, owner: yes, otherUser: no, domainAdmin: no, foreignDomainAdmin: no, admin: no, superadmin: yes },
    { rank: 'SUPERADMIN', anonymous: no, owner: yes, otherUser: no, domainAdmin: no, foreignDomainAdmin: no, admin: no, superadmin: yes },
  ])('of a user of rank $rank can be read and renamed by the callers who may write that user', async ({ rank, ...expected }) => {
    const owned = owners.find((one) => one.rank === rank);
    const access: Record<string, string> = {};
    for (const name of Object.keys(expected)) access[name] = owned ? await accessOf(callers[name] ?? owned.owner, owned) : '';
    expect(access).toEqual(expected);
  });

  /** How a caller reaches a document: by ID, in both lists and their counts, by cursor, and to rename it. */
  async function accessOf(caller: Pick<TestUser, 'query'>, { owner, uuid }: Awaited<ReturnType<typeof ownerOfDocument>>) {
    const [id, title] = [encodeGlobalID('Document', uuid), randomUUID()];
    const { data } = await caller.query(read, { id, owner: owner.id });
    const cursor = data.documents?.edges.find(({ node }) => node.id === id)?.cursor;
    const isPosition = cursor !== undefined && (await caller.query(readAfter, { cursor })).data.documents !== null;
    const lists = [data.documents, data.user?.folders?.edges[0]?.node.documents];
    const isListed = lists.map((list) => list?.edges.some(({ node }) => node.id === id) === true);
    const isCounted = lists.every((list) => list?.totalCount === list?.edges.length);
    await caller.query(rename, { input: { id, title } });
    const isRenamed = (await server.db.prisma.document.count({ where: { id: uuid, title } })) > 0;
    const paths = [data.node !== null, ...isListed, isPosition, isRenamed];
    if (!isCounted || new Set(paths).size > 1) return `by some paths: ${paths}, counted: ${isCounted}`;
    return isRenamed ? yes : no;
  }
});

/** A member of the domain "north" with a platform rank, and a document of theirs. */
async function ownerOfDocument(rank: string) {
  const owner = await server.user(rank);
  await server.grant(owner.uuid, 'USER', 'north');
  const folder = { create: { userId: owner.uuid, name: 'Plans' } };
  const { id } = await server.db.prisma.document.create({ data: { title: 'Roof', folder } });
  return { rank, owner, uuid: id };
}
