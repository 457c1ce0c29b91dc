import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { invalidateLinks } from '../../identity/credentials/email-link.ts';
import { revokeUserTokens } from '../../identity/tokens/sessions.ts';
import { session } from '../../policy/conditions.ts';

builder.relayMutationField(
  'logoutEverywhere',
  {
    inputFields: (t) => ({
      exceptCurrent: t.boolean({ defaultValue: false, description: 'Keeps the session of this request. Defaults to false.' }),
    }),
  },
  {
    description: 'Revokes all sessions of the viewer and ends a pending change of the email address. API tokens are unchanged.',
    access: session,
    workload: 'authentication',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, viewer }) => {
        const cause = { reason: 'LOGOUT', initiator: 'USER', actor: viewer, work: context } as const;
        const exceptId = input.exceptCurrent ? viewer.token.id : null;
        const revoked = await revokeUserTokens(tx, viewer.user.id, cause, { kind: 'SESSION', exceptId });
        // One of the sessions may have requested it, without the owner.
        await invalidateLinks(tx, viewer.user.id, ['CHANGE_EMAIL']);
        return { ended: revoked.length };
      }),
  },
  { outputFields: (t) => ({ ended: t.exposeInt('ended', { nullable: false, description: 'The number of sessions that were revoked.' }) }) },
);
