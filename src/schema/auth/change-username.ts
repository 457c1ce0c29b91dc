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
      username: t.string({
        validate: username,
        description: 'The new username; unique, case-insensitive. `null` or an empty string removes it.',
      }),
    }),
  },
  {
    description:
      'Changes the username that the viewer can log in with instead of the email address. The old username becomes available immediately.',
    access: all(session, fresh, self),
    target: 'User',
    resolve: async (_, { input }, context, info) => {
      if (!context.viewer) throw graphqlError('UNAUTHENTICATED');
      if (input.username === undefined) throw validationError({ username: ['must be a username or null'] });
      await consume(context, { usernameByAccount: context.viewer.user.id, usernameByNetwork: context.client.network });
      return runMutation(context, info, async ({ tx, viewer, lockTarget, audit }) => {
        const { id } = viewer.user;
        await lockTarget(id);
        const user = await tx.user.update({ where: { id }, data: loginIdentifier(input.username) }).catch(throwTaken);
        await audit({ action: 'user_updated', reason: 'username', userId: id, target: { type: 'User', id } });
        return { user };
      });
    },
  },
  { outputFields: (t) => ({ user: t.expose('user', { type: User, description: 'The changed user.' }) }) },
);

/** Only the unique key decides whether the username is taken. */
function throwTaken(error: unknown): never {
  throw errorCodeFromDatabase(error) === 'TAKEN' ? graphqlError('TAKEN', { fields: { username: ['must not be in use already'] } }) : error;
}
