import type { GraphQLResolveInfo } from 'graphql';
import { builder } from '../../graphql/builder.ts';
import { selectedFields } from '../../lib/selections.ts';
import { followRule, revocationArgs } from './revocation-scope.ts';
import { RevocationSubscription } from './revocation-subscription.ts';
import { TokenRevocation } from './token-revocation.ts';

/** True if the client selects more than what the log has: then objects are loaded for each event. */
function selectsObjects({ schema, fragments, variableValues: variables, fieldNodes }: GraphQLResolveInfo): boolean {
  const fields = fieldNodes.flatMap((node) => selectedFields({ schema, fragments, variables }, node.selectionSet, 'TokenRevocation'));
  return fields.some(({ node }) => node.selectionSet !== undefined);
}

builder.subscriptionField('tokenRevoked', (t) =>
  t.field({
    type: TokenRevocation,
    nullable: false,
    description:
      'Streams token revocations as they happen. Defaults to those of the viewer; limited to those the viewer can see. With `after`, starts with the revocations since that cursor.',
    access: followRule,
    args: revocationArgs(),
    subscribe: (_, args, context, info) => new RevocationSubscription(context, args, selectsObjects(info)),
    resolve: ({ event }) => event as never,
  }),
);
