import { onTransaction, sql, type Tx } from '../../database/database.ts';
import { errorCodeFromDatabase, graphqlError, validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { markEmailConfirmed } from '../../identity/accounts/confirm-email.ts';
import { reserveFormerEmail } from '../../identity/accounts/reserved-email.ts';
import { recordAuditEvent } from '../../identity/audit/record-event.ts';
import { consumeLink, findEmailLink, invalidateLinks, type UserLink } from '../../identity/credentials/email-link.ts';
import { ownSessionOf, requireCurrentPassword } from '../../identity/credentials/verify-password.ts';
import { revokeTokens } from '../../identity/tokens/sessions.ts';
import type { Viewer } from '../../identity/viewer.ts';
import { secretText } from '../../lib/validators.ts';
import { enqueueEmail, requestOrigin } from '../../mail/outbox.ts';
import { anyone } from '../../policy/conditions.ts';
import { linkFields } from './link-fields.ts';

builder.relayMutationField(
  'confirmEmailChange',
  {
    description: 'The proof that the new address was reached: the token of the link, or the new address and the code beside it.',
    inputFields: (t) => ({
      ...linkFields(t),
      password: t.string({
        validate: secretText,
        description: 'The password of the account; needed where the caller has no session of it.',
      }),
    }),
  },
  {
    description:
      'Gives an account the address that was asked for by requestEmailChange, and ends its other sessions; API tokens stay. The old address is told, and can undo it for 72 hours. TAKEN where somebody else has got the address meanwhile.',
    access: anyone('whoever has the letter may prove it, in a session of the account or with its password'),
    credential: true,
    resolve: async (_, { input }, context) => {
      const link = await findEmailLink(context, 'CHANGE_EMAIL', input);
      await proveOwner(context, link, input.password);
      const ended = await change(context, link).catch((error: unknown) => {
        throw errorCodeFromDatabase(error) === 'TAKEN' ? graphqlError('TAKEN') : error;
      });
      return { ended };
    },
  },
  { outputFields: (t) => ({ ended: t.exposeInt('ended', { nullable: false, description: 'How many other sessions ended now.' }) }) },
);

/** Throws unless who shows the link is who asked for it: by the password of the account, or by a session of it (security.md 11.6). The link stays. */
async function proveOwner(context: Context, { userId }: UserLink, password: string | null | undefined): Promise<void> {
  if (password != null) {
    const { emailKey } = await context.db.prisma.user.findUniqueOrThrow({ where: { id: userId }, select: { emailKey: true } });
    await requireCurrentPassword(context, { id: userId, emailKey }, password);
  } else if (!ownSessionOf(context, userId)) throw validationError({ password: ['needed where there is no session of the account'] });
}

/** The unique key decides whether the address is free. Answers how many sessions ended. */
async function change(context: Context, link: UserLink): Promise<number> {
  const { db, client } = context;
  const { userId, address: email, addressKey: emailKey } = link;
  const actor = ownSessionOf(context, userId);
  return db.prisma.$transaction(async (tx) => {
    await consumeLink(tx, link);
    if (actor) await holdSession(tx, actor);
    const before = await tx.user.findUniqueOrThrow({
      where: { id: userId },
      select: { email: true, emailKey: true, emailConfirmedAt: true },
    });
    if (before.emailKey === emailKey) throw graphqlError('INVALID_TOKEN');
    await tx.formerEmail.deleteMany({ where: { userId, emailKey } });
    if (before.emailConfirmedAt) await reserveFormerEmail(tx, userId, before);
    await tx.user.update({ where: { id: userId }, data: { email, emailKey, emailConfirmedAt: null } });
    await markEmailConfirmed(tx, userId);
    await invalidateLinks(tx, userId);
    await recordAuditEvent(tx, client, actor, { action: 'user_updated', reason: 'email changed', userId, target: ['User', userId] });
    // Whoever has an address that was never proven, as one that was mistyped, has no claim to the account, nor the account to that address.
    if (before.emailConfirmedAt) await enqueueEmail(tx, 'addressChanged', { userId, address: before.email }, requestOrigin(client));
    const others = sql`t."userId" = ${userId}::uuid and t.kind = 'SESSION' and t.id is distinct from ${actor?.token.id ?? null}::uuid`;
    return (await revokeTokens(onTransaction(tx), others, { reason: 'EMAIL_CHANGED', initiator: 'USER', actor, work: context })).length;
  });
}

/** Throws unless the session, which may have ended since the request began, lives, and holds it (security.md 7.9). */
async function holdSession(tx: Tx, { token }: Pick<Viewer, 'token'>): Promise<void> {
  const live = await tx.$queryRaw<unknown[]>(
    sql`select 1 from "Token" where id = ${token.id}::uuid and "revokedAt" is null and "expiresAt" > now() for no key update`,
  );
  if (live.length === 0) throw graphqlError('TOKEN_REVOKED');
}
