import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;
const [alice, bob] = [await server.user(), await server.user()];
const folder = await prisma.folder.create({ data: { userId: alice.uuid, name: 'Plans' } });
const folderId = encodeGlobalID('Folder', folder.id);

const create = graphql(`
  mutation CreateDocument($input: CreateDocumentInput!) { createDocument(input: $input) { document { id title } } }
`);
const list = graphql(`
  query Documents($id: ID!) { node(id: $id) { ... on Folder { documents { totalCount edges { node { id title } } } } } }
`);
const rename = graphql(`
  mutation RenameDocument($input: RenameDocumentInput!) { renameDocument(input: $input) { document { title } } }
`);
const remove = graphql(`
  mutation DeleteDocument($input: DeleteDocumentInput!) { deleteDocument(input: $input) { deletedId } }
`);

async function createdDocument(title: string) {
  const { data } = await alice.query(create, { input: { folderId, title } });
  return data.createDocument.document?.id ?? '';
}

describe('createDocument', () => {
  it('adds a document to a folder of the caller, and to no other', async () => {
    const id = await createdDocument('Roof');
    const { data } = await alice.query(list, { id: folderId });
    expect(data.node).toEqual({ documents: { totalCount: 1, edges: [{ node: { id, title: 'Roof' } }] } });
    expect((await bob.query(create, { input: { folderId, title: 'Attic' } })).code).toBe('NOT_FOUND');
  });
});

describe('renameDocument', () => {
  it('changes the title and records an audit event', async () => {
    const id = await createdDocument('Roof');
    const { data } = await alice.query(rename, { input: { id, title: 'Attic' } });
    expect(data.renameDocument.document).toEqual({ title: 'Attic' });
    const event = await prisma.auditEvent.findFirst({ where: { action: 'document_updated', reason: 'renamed' } });
    expect(event).toMatchObject({ actorId: alice.uuid, userId: alice.uuid, targetType: 'Document' });
  });

  it('rejects a blank title', async () => {
    const id = await createdDocument('Roof');
    expect((await alice.query(rename, { input: { id, title: ' ' } })).code).toBe('INVALID_INPUT');
  });
});

describe('deleteDocument', () => {
  it('deletes a document of the caller, and no other', async () => {
    const id = await createdDocument('Roof');
    expect((await bob.query(remove, { input: { id } })).code).toBe('NOT_FOUND');
    expect((await alice.query(remove, { input: { id } })).data.deleteDocument).toEqual({ deletedId: id });
    expect((await alice.query(rename, { input: { id, title: 'Attic' } })).code).toBe('NOT_FOUND');
  });
});
