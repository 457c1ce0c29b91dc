import type { Token } from '../../database/generated/prisma/client.ts';
import { builder } from '../../graphql/builder.ts';
import { anyone } from '../../policy/conditions.ts';

export const TokenReuse = builder.objectRef<Pick<Token, 'reuseAt' | 'reuseFrom'>>('TokenReuse').implement({
  description: 'That a refresh token was used a second time: by its owner or by a thief, nobody knows which.',
  access: anyone('whoever may read the token may read it'),
  fields: (t) => ({
    at: t.expose('reuseAt', { type: 'DateTime', description: 'When.' }),
    from: t.exposeString('reuseFrom', { description: 'The network address that the second use came from.' }),
  }),
});
