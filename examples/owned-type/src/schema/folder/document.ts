import { builder } from '../../graphql/builder.ts';
import { visibleConnection, visibleRelation } from '../../graphql/connections.ts';
import { owner, signedIn } from '../../policy/conditions.ts';

export const Document = builder.prismaNode('Document', {
  id: { field: 'id', description: 'The opaque global ID.' },
  access: owner,
  fields: (t) => ({ title: t.exposeString('title') }),
});

visibleRelation('Folder', 'documents', {
  model: 'Document',
  by: 'folderId',
  prefix: 'FolderDocument',
  access: owner,
  description: 'The documents in the folder.',
});

visibleConnection('documents', { model: 'Document', access: signedIn, description: 'The documents that the viewer can see.' });
