import { anyone, session } from '../access/vocabulary.ts';
import { write } from '../access/write.ts';
import { builder } from '../builder.ts';
import { sql, within } from '../db.ts';
import { revoke } from '../token/lifecycle.ts';

const LogoutPayload = builder.simpleObject('LogoutPayload', {
  description: 'What comes of logging out.',
  access: anyone('it answers what the caller has just done'),
  fields: (t) => ({ ended: t.boolean({ nullable: false, description: 'Whether the session ended now.' }) }),
});

builder.mutationField('logout', (t) =>
  t.field({
    type: LogoutPayload,
    nullable: false,
    description: 'Ends the session that the request came with.',
    access: session,
    resolve: (_, __, context, info) =>
      write(context, info, async ({ tx, viewer }) => {
        const ending = { reason: 'LOGOUT', initiator: 'USER', actor: viewer, client: context.client } as const;
        return { ended: (await revoke(within(tx), sql`t.id = ${viewer.token.id}::uuid`, ending)).length > 0 };
      }),
  }),
);
