import { all } from '../../authorization/rules/rule.ts';
import { errorCodeFromDatabase, graphqlError, validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { loginIdentifier, username } from '../../identity/accounts/username.ts';
import { consume } from '../../identity/credentials/rate-limit.ts';
import { fresh, self, session } from '../../policy/conditions.ts';
import { User } from '../user/user.ts';

builder.relayMutationField(
  'changeUsername',
  {
    inputFields: (t) => ({
      username: t.string({ validate: username, description: 'The name, unique in whatever letters; null or an empty text for none.' }),
    }),
  },
  {
    description: 'Changes the name by which the viewer logs in besides the e-mail address. The former one is free at once.',
    access: all(session, fresh, self),
    target: 'User',
    resolve: async (_, { input }, context, info) => {
      if (!context.viewer) throw graphqlError('UNAUTHENTICATED');
      if (input.username === undefined) throw validationError({ username: ['a name, or null for none'] });
      await consume(context, { usernameByAccount: context.viewer.user.id, usernameByNetwork: context.client.network });
      return runMutation(context, info, async ({ tx, viewer, lockTarget, audit }) => {
        const { id } = viewer.user;
        await lockTarget(id);
        const user = await tx.user.update({ where: { id }, data: loginIdentifier(input.username) }).catch(taken);
        await audit({ action: 'user_updated', reason: 'username', userId: id, target: ['User', id] });
        return { user };
      });
    },
  },
  { outputFields: (t) => ({ user: t.expose('user', { type: User, description: 'The user.' }) }) },
);

/** The unique key alone says that a name is somebody else's. */
function taken(error: unknown): never {
  throw errorCodeFromDatabase(error) === 'TAKEN' ? graphqlError('TAKEN', { fields: { username: ['must be unique'] } }) : error;
}
