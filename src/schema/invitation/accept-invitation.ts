import type { GraphQLResolveInfo } from 'graphql';
import type { Link } from '../../database/generated/prisma/client.ts';
import { graphqlError, validationError } from '../../errors.ts';
import { builder, type InputFields, type InputOf } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { markEmailConfirmed } from '../../identity/accounts/confirm-email.ts';
import { insertAccount, passwordHash, validateAccount } from '../../identity/accounts/create-account.ts';
import { findEmailLink } from '../../identity/credentials/email-link.ts';
import { ownSessionOf } from '../../identity/credentials/verify-password.ts';
import { secretText } from '../../lib/validators.ts';
import { anyone } from '../../policy/conditions.ts';
import { linkFields } from '../auth/link-fields.ts';
import { profileChanges, profileInputs } from '../user/profile-input.ts';
import { User } from '../user/user.ts';
import { claimInvitation, grantInvitedRole } from './redeem-invitation.ts';

const inputFields = (t: InputFields) => ({
  ...linkFields(t),
  password: t.string({
    validate: secretText,
    description: 'Where the address has no account: its password, long, and not one of the common ones. Else it is not looked at.',
  }),
  ...profileInputs(t, 'acceptInvitation'),
});

type Input = InputOf<typeof inputFields>;

builder.relayMutationField(
  'acceptInvitation',
  {
    description:
      'The proof that the letter was received, the token of its link or the address and the code beside it, and what a new account begins with.',
    inputFields,
  },
  {
    description:
      'Takes up the role of an invitation, once, while the inviter may grant it; what is held there already stays as it is. Where the address has an account, only with a session of that account: UNAUTHENTICATED asks to log in first, and the invitation stays good. Else it makes the account, also where registration is closed.',
    access: anyone('whoever has the letter is invited'),
    credential: true,
    resolve: async (_, { input }, context, info) => {
      const link = await findEmailLink(context, 'INVITATION', input);
      const owner = await context.db.prisma.user.findUnique({ where: { emailKey: link.addressKey }, select: { id: true } });
      return owner ? join(context, info, link, owner.id) : begin(context, link, input);
    },
  },
  {
    outputFields: (t) => ({
      made: t.exposeBoolean('made', {
        nullable: false,
        description: 'Whether an account was made for it, whose owner now logs in with the password.',
      }),
      user: t.expose('user', { type: User, description: 'Who has accepted with a session; null where the account was made.' }),
    }),
  },
);

type Invited = Link & { readonly invitationId: string };

/** The owner of an account takes up a role more. */
async function join(context: Context, info: GraphQLResolveInfo, link: Invited, userId: string) {
  if (!ownSessionOf(context, userId)) throw graphqlError('UNAUTHENTICATED');
  return runMutation(context, info, async ({ tx, viewer: again }) => {
    if (again.user.emailKey !== link.addressKey) throw graphqlError('INVALID_TOKEN');
    const invitation = await claimInvitation(tx, link);
    await grantInvitedRole(tx, { client: context.client, viewer: again }, invitation, userId);
    await markEmailConfirmed(tx, userId);
    return { made: false, user: await tx.user.findUniqueOrThrow({ where: { id: userId } }) };
  });
}

/** Somebody without an account gets one, with the role that everybody gets and the one that was promised. The letter has proven the address. */
async function begin(context: Context, link: Invited, input: Input) {
  const { config, client, db } = context;
  const { address: email } = link;
  const { password } = input;
  const { password: faults } =
    password == null ? { password: ['needed: the address has no account yet'] } : validateAccount(config, { email, password });
  if (faults) throw validationError({ password: faults });
  const hash = await passwordHash({ password: password ?? '' });
  await db.prisma.$transaction(async (tx) => {
    const invitation = await claimInvitation(tx, link);
    const profile = { ...profileChanges(input), emailConfirmedAt: new Date() };
    const account = { email, role: config.DEFAULT_ROLE, domain: config.DEFAULT_DOMAIN, profile };
    const id = await insertAccount(tx, { client, viewer: null }, account, hash);
    if (!id) throw graphqlError('UNAUTHENTICATED'); // registered at this moment: its owner logs in, and asks again
    await grantInvitedRole(tx, { client, viewer: null }, invitation, id);
  });
  return { made: true, user: null };
}
