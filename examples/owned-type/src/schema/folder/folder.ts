import { builder } from '../../graphql/builder.ts';
import { visibleRelation } from '../../graphql/connections.ts';
import { owner } from '../../policy/conditions.ts';

export const Folder = builder.prismaNode('Folder', {
  id: { field: 'id', description: 'The opaque global ID.' },
  access: owner,
  fields: (t) => ({ name: t.exposeString('name') }),
});

visibleRelation('User', 'folders', {
  model: 'Folder',
  by: 'userId',
  prefix: 'UserFolder',
  access: owner,
  description: 'The folders of the user.',
});
