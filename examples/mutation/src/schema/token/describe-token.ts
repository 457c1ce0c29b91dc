import { all } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { singleLineText } from '../../lib/validators.ts';
import { owner, session } from '../../policy/conditions.ts';
import { Token } from './token.ts';

builder.relayMutationField(
  'describeToken',
  {
    inputFields: (t) => ({
      id: t.globalID({ required: true, for: Token, description: 'ID of the session or API token.' }),
      description: t.string({ required: true, validate: singleLineText(120), description: 'New description.' }),
    }),
  },
  {
    description: 'Changes the description of a session or an API token.',
    access: all(session, owner),
    target: 'Token',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, lockTarget, audit }) => {
        const { id } = input.id;
        await lockTarget(id);
        const token = await tx.token.update({ where: { id }, data: { description: input.description } });
        await audit({ action: 'user_updated', reason: 'token described', userId: token.userId, target: { type: 'Token', id } });
        return { token };
      }),
  },
  { outputFields: (t) => ({ token: t.expose('token', { type: Token, description: 'The token.' }) }) },
);
