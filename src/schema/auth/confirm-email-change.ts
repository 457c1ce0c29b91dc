import { onTransaction, sql, type Tx } from '../../database/database.ts';
import { errorCodeFromDatabase, graphqlError, validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { markEmailConfirmed } from '../../identity/accounts/confirm-email.ts';
import { reserveFormerEmail } from '../../identity/accounts/reserved-email.ts';
import { recordAuditEvent } from '../../identity/audit/record-event.ts';
import { consumeLink, findEmailLink, invalidateLinks, type UserLink } from '../../identity/credentials/email-link.ts';
import { ownSessionOf, requireCurrentPassword } from '../../identity/credentials/verify-password.ts';
import { hasNotEnded } from '../../identity/live-token.ts';
import { revokeTokens } from '../../identity/tokens/sessions.ts';
import type { Viewer } from '../../identity/viewer.ts';
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
      await requireOwner(context, link, input.password);
      return { ended: await changeEmail(context, link).catch(throwTaken) };
    },
  },
  {
    outputFields: (t) => ({
      ended: t.exposeInt('ended', { nullable: false, description: 'The number of other sessions that were revoked.' }),
    }),
  },
);

/** Throws unless the caller owns the account, shown by its password or by a session of it (security.md 11.6). Does not use up the link. */
async function requireOwner(context: Context, { id, userId }: UserLink, password: string | null | undefined): Promise<void> {
  if (password != null) {
    await requireCurrentPassword(context, userId, ownSessionOf(context, userId)?.token.id ?? id, password);
  } else if (!ownSessionOf(context, userId)) {
    throw validationError({ password: ['must be given without a session of the account'] });
  }
}

/** Returns the number of revoked sessions. */
async function changeEmail(context: Context, link: UserLink): Promise<number> {
  const actor = ownSessionOf(context, link.userId);
  return context.db.prisma.$transaction(async (tx) => {
    await consumeLink(tx, link);
    if (actor) await lockSession(tx, actor);
    await replaceAddress(tx, context, link);
    await invalidateLinks(tx, link.userId);
    await recordAuditEvent(tx, context.client, actor, {
      action: 'user_updated',
      reason: 'email changed',
      userId: link.userId,
      target: { type: 'User', id: link.userId },
    });
    return revokeOtherSessions(tx, context, link, actor);
  });
}

/** Locks the session of the caller. Throws TOKEN_REVOKED if it has ended since the request began (security.md 7.9). */
async function lockSession(tx: Tx, { token }: Pick<Viewer, 'token'>): Promise<void> {
  const active = await tx.$queryRaw<unknown[]>(
    sql`select 1 from "Token" t where t.id = ${token.id}::uuid and ${hasNotEnded} for no key update`,
  );
  if (active.length === 0) throw graphqlError('TOKEN_REVOKED');
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

async function revokeOtherSessions(tx: Tx, context: Context, { userId }: UserLink, actor: Viewer | null): Promise<number> {
  const others = sql`t."userId" = ${userId}::uuid and t.kind = 'SESSION' and t.id is distinct from ${actor?.token.id ?? null}::uuid`;
  const cause = { reason: 'EMAIL_CHANGED', initiator: 'USER', actor, work: context } as const;
  return (await revokeTokens(onTransaction(tx), others, cause)).length;
}

/** Only the unique key decides whether the address has been taken in the meantime. */
function throwTaken(error: unknown): never {
  throw errorCodeFromDatabase(error) === 'TAKEN' ? graphqlError('TAKEN') : error;
}
