import { builder } from '../../graphql/builder.ts';
import { connectionNames, visibleRelation } from '../../graphql/connections.ts';
import { owner } from '../../policy/conditions.ts';

export const Folder = builder.prismaNode('Folder', {
  id: { field: 'id', description: 'The opaque global ID.' },
  access: owner,
  fields: (t) => ({ name: t.exposeString('name') }),
});

builder.prismaObjectField('User', 'folders', (t) =>
  t.relatedConnection(
    'folders',
    { ...visibleRelation('Folder'), access: owner, description: 'The folders of the user.' },
    ...connectionNames('UserFolder'),
  ),
);
