import type { Tx } from '../../database/database.ts';
import { errorCodeFromDatabase, graphqlError, validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { markEmailConfirmed } from '../../identity/accounts/confirm-email.ts';
import { reserveFormerEmail } from '../../identity/accounts/reserved-email.ts';
import { recordAuditEvent } from '../../identity/audit/record-event.ts';
import { consumeLink, findEmailLink, invalidateLinks, type UserLink } from '../../identity/credentials/email-link.ts';
import { rememberNetwork } from '../../identity/credentials/known-network.ts';
import { ownSessionOf, requireProof, withCurrentPassword } from '../../identity/credentials/verify-password.ts';
import { lockSession, revokeUserTokens } from '../../identity/tokens/sessions.ts';
import { secretText } from '../../lib/validators.ts';
import { enqueueEmail, requestOrigin } from '../../mail/outbox.ts';
import { anyone } from '../../policy/conditions.ts';
import { linkFields } from './link-fields.ts';

builder.relayMutationField(
  'confirmEmailChange',
  {
    description: 'Either `token`, or `email` and `code`, and the password if the caller has no session of the account.',
    inputFields: (t) => ({
      ...linkFields(t),
      password: t.string({
        validate: secretText,
        description: 'The password of the account. Required if the caller has no session of the account.',
      }),
    }),
  },
  {
    description:
      'Completes `requestEmailChange`: changes the address of the account and revokes its other sessions. An email to the previous address lets its owner undo the change for 72 hours.',
    access: anyone('the emailed token or code is the credential, with a session of the account or its password'),
    credential: true,
    resolve: async (_, { input }, context) => {
      const link = await findEmailLink(context, 'CHANGE_EMAIL', input);
      return { ended: await changeAsOwner(context, link, input.password) };
    },
  },
  {
    outputFields: (t) => ({
      ended: t.exposeInt('ended', { nullable: false, description: 'The number of other sessions that were revoked.' }),
    }),
  },
);

/**
 * Changes the address for a caller who owns the account, shown by its password or by a session of it, both checked again in the transaction
 * (security.md 11.6). Returns the number of revoked sessions. Does not use up the link if the caller is not the owner.
 */
async function changeAsOwner(context: Context, link: UserLink, password: string | null | undefined): Promise<number> {
  const { userId } = link;
  const session = ownSessionOf(context, userId);
  if (password != null) {
    return withCurrentPassword(context, userId, session?.token.id ?? userId, password, (proof) =>
      changeEmail(context, link, async (tx) => {
        await requireProof(tx, proof);
        await rememberNetwork(tx, link.id, context.client.network);
      }),
    );
  }
  if (!session) throw validationError({ password: ['must be given without a session of the account'] });
  return changeEmail(context, link);
}

function changeEmail(context: Context, link: UserLink, requirePassword?: (tx: Tx) => Promise<void>): Promise<number> {
  const actor = ownSessionOf(context, link.userId);
  const change = async (tx: Tx) => {
    await consumeLink(tx, link);
    await requirePassword?.(tx);
    if (actor) await lockSession(tx, actor.token.id);
    await replaceAddress(tx, context, link);
    await invalidateLinks(tx, link.userId);
    await recordAuditEvent(tx, context.client, actor, {
      action: 'user_updated',
      reason: 'email changed',
      userId: link.userId,
      target: { type: 'User', id: link.userId },
    });
    const cause = { reason: 'EMAIL_CHANGED', initiator: 'USER', actor, work: context } as const;
    return (await revokeUserTokens(tx, link.userId, cause, { kind: 'SESSION', exceptId: actor?.token.id })).length;
  };
  return context.db.prisma.$transaction(change).catch(throwTaken);
}

/** Reserves a confirmed previous address for the account and notifies its owner. An unconfirmed one, such as a typo, gives no claim to the account. */
async function replaceAddress(tx: Tx, { client }: Context, { userId, email, emailKey }: UserLink): Promise<void> {
  const select = { email: true, emailKey: true, emailConfirmedAt: true } as const;
  const previous = await tx.user.findUniqueOrThrow({ where: { id: userId }, select });
  if (previous.emailKey === emailKey) throw graphqlError('INVALID_TOKEN');
  await tx.reservedEmail.deleteMany({ where: { userId, emailKey } });
  if (previous.emailConfirmedAt) await reserveFormerEmail(tx, userId, previous);
  await tx.user.update({ where: { id: userId }, data: { email, emailKey, emailConfirmedAt: null } });
  await markEmailConfirmed(tx, userId);
  if (previous.emailConfirmedAt) await enqueueEmail(tx, 'emailChanged', { userId, address: previous.email }, requestOrigin(client));
}

/** Only the unique key decides whether the address has been taken in the meantime. */
function throwTaken(error: unknown): never {
  throw errorCodeFromDatabase(error) === 'TAKEN' ? graphqlError('TAKEN') : error;
}
