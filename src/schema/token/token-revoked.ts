import { builder } from '../../graphql/builder.ts';
import type { EventWithContext } from '../../graphql/execution/subscribe.ts';
import type { Revocation } from '../../identity/tokens/revocation-log.ts';
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
    subscribe: (_, args, context) => new RevocationSubscription(context, args) as never,
    resolve: (payload) => (payload as unknown as EventWithContext<Revocation>).event as never,
  }),
);
