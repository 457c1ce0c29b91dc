import { onTransaction, sql } from '../../database/database.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { revokeTokens } from '../../identity/tokens/sessions.ts';
import { anyone, session } from '../../policy/conditions.ts';

const LogoutEverywhereInput = builder.inputType('LogoutEverywhereInput', {
  description: 'Which sessions end.',
  fields: (t) => ({ exceptCurrent: t.boolean({ defaultValue: false, description: 'Whether the session of this request goes on.' }) }),
});

const LogoutEverywherePayload = builder.simpleObject('LogoutEverywherePayload', {
  description: 'What comes of logging out everywhere.',
  access: anyone('it answers what the caller has just done'),
  fields: (t) => ({ ended: t.int({ nullable: false, description: 'How many sessions ended now.' }) }),
});

builder.mutationField('logoutEverywhere', (t) =>
  t.field({
    type: LogoutEverywherePayload,
    nullable: false,
    description: 'Ends all sessions of the viewer; API tokens stay.',
    access: session,
    args: { input: t.arg({ type: LogoutEverywhereInput, required: true, description: 'Which sessions.' }) },
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, viewer }) => {
        const which = sql`t."userId" = ${viewer.user.id}::uuid and t.kind = 'SESSION' and (t.id <> ${viewer.token.id}::uuid or ${!input.exceptCurrent}::bool)`;
        const ended = await revokeTokens(onTransaction(tx), which, {
          reason: 'LOGOUT',
          initiator: 'USER',
          actor: viewer,
          work: context,
        });
        return { ended: ended.length };
      }),
  }),
);
