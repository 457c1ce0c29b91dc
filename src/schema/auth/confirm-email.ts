import type { Tx } from '../../database/database.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { markEmailConfirmed } from '../../identity/accounts/confirm-email.ts';
import { recordAuditEvent } from '../../identity/audit/record-event.ts';
import { consumeLink, findEmailLink, invalidateLinks, type UserLink } from '../../identity/credentials/email-link.ts';
import { rememberNetwork } from '../../identity/credentials/known-network.ts';
import { ownSessionOf, requireProof, withCurrentPassword } from '../../identity/credentials/verify-password.ts';
import { lockSession, revokeUserTokens } from '../../identity/tokens/sessions.ts';
import { secretText } from '../../lib/validators.ts';
import { anyone } from '../../policy/conditions.ts';
import { linkFields } from './link-fields.ts';

builder.relayMutationField(
  'confirmEmail',
  {
    description: 'Either `token`, or `email` and `code`, and optionally the password.',
    inputFields: (t) => ({
      ...linkFields(t),
      password: t.string({
        validate: secretText,
        description: 'The password of the account. Without it, and without a session of the account, the password is removed.',
      }),
    }),
  },
  {
    description: 'Confirms an email address with the token or code sent to it. Does not create a session.',
    access: anyone('the emailed token or code is the credential'),
    credential: true,
    resolve: async (_, { input }, context) => {
      const link = await findEmailLink(context, 'CONFIRM_EMAIL', input);
      return { passwordKept: await confirmAsCaller(context, link, input.password) };
    },
  },
  {
    outputFields: (t) => ({
      passwordKept: t.exposeBoolean('passwordKept', {
        nullable: false,
        description: 'False if the password was removed; `resetPassword` then sets a new one.',
      }),
    }),
  },
);

/**
 * Confirms the address. Returns true if the caller is the person who registered the account, shown by its password or by a session of it, both
 * checked again in the transaction. Throws INVALID_CREDENTIALS for a wrong password, which does not use up the link.
 */
async function confirmAsCaller(context: Context, link: UserLink, password: string | null | undefined): Promise<boolean> {
  const { userId } = link;
  const session = ownSessionOf(context, userId);
  if (password != null) {
    await withCurrentPassword(context, userId, session?.token.id ?? userId, password, (proof) =>
      confirmEmail(context, link, async (tx) => {
        await requireProof(tx, proof);
        await rememberNetwork(tx, link.id, context.client.network);
      }),
    );
    return true;
  }
  await confirmEmail(context, link, session && ((tx) => lockSession(tx, session.token.id)));
  return session !== null;
}

/**
 * Someone else may have registered the account with this address. Unless the caller is the registrant, everything that was set up before the
 * address was confirmed is removed (security.md 11.7).
 */
async function confirmEmail(context: Context, link: UserLink, requireRegistrant: ((tx: Tx) => Promise<void>) | null): Promise<void> {
  const { db, client, viewer } = context;
  const { userId } = link;
  await db.prisma.$transaction(async (tx) => {
    await consumeLink(tx, link);
    await requireRegistrant?.(tx);
    await markEmailConfirmed(tx, userId);
    await recordAuditEvent(tx, client, viewer, {
      action: 'user_updated',
      reason: 'email confirmed',
      userId,
      target: { type: 'User', id: userId },
    });
    if (requireRegistrant) return;
    await tx.password.deleteMany({ where: { userId } });
    await invalidateLinks(tx, userId);
    await revokeUserTokens(tx, userId, { reason: 'EMAIL_CONFIRMED', initiator: 'SYSTEM', actor: null, work: context });
  });
}
