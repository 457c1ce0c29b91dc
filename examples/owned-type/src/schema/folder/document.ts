import { builder } from '../../graphql/builder.ts';
import { connectionNames, visibleConnection, visibleRelation } from '../../graphql/connections.ts';
import { owner, signedIn } from '../../policy/conditions.ts';

export const Document = builder.prismaNode('Document', {
  id: { field: 'id', description: 'The opaque global ID.' },
  access: owner,
  fields: (t) => ({ title: t.exposeString('title') }),
});

builder.prismaObjectField('Folder', 'documents', (t) =>
  t.relatedConnection(
    'documents',
    { ...visibleRelation('Document'), access: owner, description: 'The documents in the folder.' },
    ...connectionNames('FolderDocument'),
  ),
);

visibleConnection('documents', { model: 'Document', access: signedIn, description: 'The documents that the viewer can see.' });
