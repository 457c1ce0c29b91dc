import { all } from '../../authorization/rules/rule.ts';
import { anyone, fresh, self, session } from '../../policy/conditions.ts';
import { write } from '../../graphql/mutation.ts';
import { builder } from '../../graphql/builder.ts';
import { failure, invalid, meaningOf } from '../../errors.ts';
import { User } from '../user/user.ts';
import { throttle } from '../../identity/credentials/rate-limit.ts';
import { namedBy, username } from '../../identity/accounts/username.ts';

const ChangeUsernameInput = builder.inputType('ChangeUsernameInput', {
  description: 'The username of the viewer from now on.',
  fields: (t) => ({
    username: t.string({ validate: username, description: 'The name, unique in whatever letters; null or an empty text for none.' }),
  }),
});

const ChangeUsernamePayload = builder.simpleObject('ChangeUsernamePayload', {
  description: 'What comes of changing the username.',
  access: anyone('it answers what the caller has just done'),
  fields: (t) => ({ user: t.field({ type: User, description: 'The user.' }) }),
});

builder.mutationField('changeUsername', (t) =>
  t.field({
    type: ChangeUsernamePayload,
    nullable: false,
    description: 'Changes the name by which the viewer logs in besides the e-mail address. The former one is free at once.',
    access: all(session, fresh, self),
    about: 'User',
    args: { input: t.arg({ type: ChangeUsernameInput, required: true, description: 'The name.' }) },
    resolve: async (_, { input }, context, info) => {
      if (!context.viewer) throw failure('UNAUTHENTICATED');
      if (input.username === undefined) throw invalid({ username: ['a name, or null for none'] });
      await throttle(context, { usernameByAccount: context.viewer.user.id, usernameByNetwork: context.client.network });
      return write(context, info, async ({ tx, viewer, target, audit }) => {
        const { id } = viewer.user;
        await target(id);
        const user = await tx.user.update({ where: { id }, data: namedBy(input.username) }).catch(taken);
        await audit({ action: 'user_updated', reason: 'username', userId: id, target: ['User', id] });
        return { user };
      });
    },
  }),
);

/** The unique key alone says that a name is somebody else's. */
function taken(error: unknown): never {
  throw meaningOf(error) === 'TAKEN' ? failure('TAKEN', { fields: { username: ['taken'] } }) : error;
}
