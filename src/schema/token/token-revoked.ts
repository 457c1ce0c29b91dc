import { builder } from '../../graphql/builder.ts';
import { followRule, revocationArgs } from './revocation-scope.ts';
import { RevocationSubscription } from './revocation-subscription.ts';
import { TokenRevocation } from './token-revocation.ts';

builder.subscriptionField('tokenRevoked', (t) =>
  t.field({
    type: TokenRevocation,
    nullable: false,
    description:
      'Streams token revocations as they happen. Defaults to those of the viewer; limited to those the viewer can see. With `after`, starts with the revocations since that cursor.',
    access: followRule,
    args: revocationArgs(),
    subscribe: (_, args, context) => new RevocationSubscription(context, args),
    resolve: ({ event }) => event as never,
  }),
);
