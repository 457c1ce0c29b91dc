import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { nonBlankText } from '../../lib/validators.ts';
import { owner } from '../../policy/conditions.ts';
import { Document } from './document.ts';

builder.relayMutationField(
  'renameDocument',
  {
    inputFields: (t) => ({
      id: t.globalID({ required: true, for: Document, description: 'ID of the document.' }),
      title: t.string({ required: true, validate: nonBlankText(120), description: 'New title.' }),
    }),
  },
  {
    description: 'Renames a document.',
    access: owner,
    target: 'Document',
    updates: 'Document',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, lockTarget, audit }) => {
        const { id } = input.id;
        await lockTarget(id);
        const document = await tx.document.update({ where: { id }, data: { title: input.title }, include: { folder: true } });
        await audit({ action: 'document_updated', reason: 'renamed', userId: document.folder.userId, target: { type: 'Document', id } });
        return { document };
      }),
  },
  { outputFields: (t) => ({ document: t.expose('document', { type: Document, description: 'The document.' }) }) },
);
