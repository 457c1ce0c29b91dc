import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { nonBlankText } from '../../lib/validators.ts';
import { owner } from '../../policy/conditions.ts';
import { Document } from './document.ts';
import { Folder } from './folder.ts';

builder.relayMutationField(
  'createDocument',
  {
    inputFields: (t) => ({
      folderId: t.globalID({ required: true, for: Folder, description: 'ID of the folder.' }),
      title: t.string({ required: true, validate: nonBlankText(120), description: 'Title.' }),
    }),
  },
  {
    description: 'Creates a document in a folder.',
    access: owner,
    target: 'Folder',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, lockTarget, audit }) => {
        const { id: folderId } = input.folderId;
        await lockTarget(folderId);
        const document = await tx.document.create({ data: { folderId, title: input.title }, include: { folder: true } });
        const { id, folder } = document;
        await audit({ action: 'document_updated', reason: 'created', userId: folder.userId, target: { type: 'Document', id } });
        return { document };
      }),
  },
  { outputFields: (t) => ({ document: t.expose('document', { type: Document, description: 'The document.' }) }) },
);
