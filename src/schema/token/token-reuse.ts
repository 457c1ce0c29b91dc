import type { Token } from '../../database/generated/prisma/client.ts';
import { builder } from '../../graphql/builder.ts';
import { anyone } from '../../policy/conditions.ts';

export const TokenReuse = builder.objectRef<Pick<Token, 'reuseAt' | 'reuseFrom'>>('TokenReuse').implement({
  description: 'The reuse of a refresh token, by its owner or by a thief. It revoked the session.',
  access: anyone('it is part of a token that the caller may read'),
  fields: (t) => ({
    at: t.expose('reuseAt', { type: 'DateTime', description: 'Time of the reuse.' }),
    from: t.exposeString('reuseFrom', { description: 'The network address of the client that reused it.' }),
  }),
});
