import type { GraphQLResolveInfo } from 'graphql';
import type { Config } from '../../config.ts';
import { databaseTime, onTransaction, type Tx } from '../../database/database.ts';
import { graphqlError, validationError } from '../../errors.ts';
import { builder, type InputFields, type InputOf } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { type MutationScope, runMutation } from '../../graphql/mutation.ts';
import { markEmailConfirmed } from '../../identity/accounts/confirm-email.ts';
import { insertAccount, passwordHash, validateAccount } from '../../identity/accounts/create-account.ts';
import { findEmailLink, type InvitationLink } from '../../identity/credentials/email-link.ts';
import { ownSessionOf } from '../../identity/credentials/verify-password.ts';
import { lockInOrder } from '../../identity/lock-order.ts';
import { secretText } from '../../lib/validators.ts';
import { anyone } from '../../policy/conditions.ts';
import { linkFields } from '../auth/link-fields.ts';
import { profileChanges, profileInputs } from '../user/profile-input.ts';
import { User } from '../user/user.ts';
import { basisOf, claimInvitation, grantInvitedRole } from './redeem-invitation.ts';

const inputFields = (t: InputFields) => ({
  ...linkFields(t),
  password: t.string({
    validate: secretText,
    description: 'The password of the new account. Required if the address has no account, ignored otherwise.',
  }),
  ...profileInputs(t, 'acceptInvitation'),
});

type Input = InputOf<typeof inputFields>;

builder.relayMutationField(
  'acceptInvitation',
  {
    description: 'Either `token`, or `email` and `code`. The other fields are used only to create an account.',
    inputFields,
  },
  {
    description:
      'Accepts an invitation and grants its role. If the address has an account, a session of that account is required (UNAUTHENTICATED otherwise); if not, an account is created even when public registration is disabled.',
    access: anyone('the emailed token or code is the credential'),
    credential: true,
    resolve: async (_, { input }, context, info) => {
      const link = await findEmailLink(context, 'INVITATION', input);
      const owner = await context.db.prisma.user.findUnique({ where: { emailKey: link.emailKey }, select: { id: true } });
      return owner ? acceptAsOwner(context, info, link, owner.id) : acceptAsNewUser(context, link, input);
    },
  },
  {
    outputFields: (t) => ({
      made: t.exposeBoolean('made', {
        nullable: false,
        description: 'True if an account was created; its owner can now log in with the password.',
      }),
      user: t.expose('user', { type: User, description: 'The user who accepted, or null if an account was created.' }),
    }),
  },
);

async function acceptAsOwner(context: Context, info: GraphQLResolveInfo, link: InvitationLink, userId: string) {
  if (!ownSessionOf(context, userId)) throw graphqlError('UNAUTHENTICATED');
  const accept = async ({ tx, viewer }: MutationScope) => {
    // The address of the account may have changed since the link was looked up.
    if (viewer.user.emailKey !== link.emailKey) throw graphqlError('INVALID_TOKEN');
    const invitation = await claimInvitation(tx, link);
    await grantInvitedRole(tx, { client: context.client, viewer }, invitation, userId);
    await markEmailConfirmed(tx, userId);
    return { made: false, user: await tx.user.findUniqueOrThrow({ where: { id: userId } }) };
  };
  return runMutation(context, info, accept, (tx) => basisOf(tx, link));
}

/** Creates an account with the default role and the invited one. Its address is confirmed, because the email was received there. */
async function acceptAsNewUser(context: Context, link: InvitationLink, input: Input) {
  const { config, client, db } = context;
  const { email } = link;
  const password = requireValidPassword(config, email, input);
  const hash = await passwordHash({ password });
  const accept = async (tx: Tx) => {
    await lockInOrder(tx, await basisOf(tx, link));
    const invitation = await claimInvitation(tx, link);
    const profile = { ...profileChanges(input), emailConfirmedAt: await databaseTime(onTransaction(tx)) };
    const account = { email, role: config.DEFAULT_ROLE, domain: config.DEFAULT_DOMAIN, profile };
    const id = await insertAccount(tx, { client, viewer: null }, account, hash);
    // The address has been registered in the meantime: its owner has to log in and accept again.
    if (!id) throw graphqlError('UNAUTHENTICATED');
    await grantInvitedRole(tx, { client, viewer: null }, invitation, id);
  };
  await db.prisma.$transaction(accept);
  return { made: true, user: null };
}

function requireValidPassword(config: Config, email: string, { password, displayName }: Input): string {
  if (password == null) throw validationError({ password: ['must be given, because the address has no account yet'] });
  const { password: faults } = validateAccount(config, { email, password, displayName });
  if (faults) throw validationError({ password: faults });
  return password;
}
