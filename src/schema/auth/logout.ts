import { anyone, session } from '../../policy/conditions.ts';
import { write } from '../../graphql/mutation.ts';
import { builder } from '../../graphql/builder.ts';
import { sql, within } from '../../database/database.ts';
import { revoke } from '../../identity/tokens/sessions.ts';

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
