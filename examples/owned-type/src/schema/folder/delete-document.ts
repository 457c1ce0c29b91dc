import { encodeGlobalID } from '@pothos/plugin-relay';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { owner } from '../../policy/conditions.ts';
import { Document } from './document.ts';

builder.relayMutationField(
  'deleteDocument',
  { inputFields: (t) => ({ id: t.globalID({ required: true, for: Document, description: 'ID of the document.' }) }) },
  {
    description: 'Deletes a document.',
    access: owner,
    target: 'Document',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, lockTarget, audit }) => {
        const { id } = input.id;
        await lockTarget(id);
        const { folder } = await tx.document.delete({ where: { id }, include: { folder: true } });
        await audit({ action: 'document_updated', reason: 'deleted', userId: folder.userId, target: { type: 'Document', id } });
        return { deletedId: encodeGlobalID('Document', id) };
      }),
  },
  { outputFields: (t) => ({ deletedId: t.exposeID('deletedId', { nullable: false, description: 'ID of the deleted document.' }) }) },
);
