import { session } from '../access/vocabulary.ts';
import { recordIn } from '../audit/record.ts';
import { builder } from '../builder.ts';
import { failure } from '../errors.ts';
import { secretText } from '../input.ts';
import { verifyPassword } from './password.ts';
import { Session, startSession } from './session.ts';
import { forgive, passwordTries, throttle } from './throttle.ts';

const ReauthenticateInput = builder.inputType('ReauthenticateInput', {
  description: 'The proof of who is asking.',
  fields: (t) => ({ password: t.string({ required: true, validate: secretText, description: 'The password of the account.' }) }),
});

builder.mutationField('reauthenticate', (t) =>
  t.field({
    type: Session,
    nullable: false,
    description: 'Proves again who is asking: a fresh session takes the place of this one and ends when this one would have.',
    access: session,
    credential: true,
    args: { input: t.arg({ type: ReauthenticateInput, required: true, description: 'The proof.' }) },
    resolve: async (_, { input }, context) => {
      const { viewer, db, client } = context;
      if (!viewer) throw failure('UNAUTHENTICATED');
      const { user, token } = viewer;
      const tries = passwordTries(user.emailKey, client.network);
      await throttle(context, tries);
      const kept = await db.prisma.password.findUnique({ where: { userId: user.id } });
      const { right } = await verifyPassword(kept?.hash, input.password);
      if (!right) {
        await recordIn(db.prisma, client, viewer, {
          action: 'authn_login_fail',
          result: 'denied',
          reason: 'INVALID_CREDENTIALS',
          userId: user.id,
        });
        throw failure('INVALID_CREDENTIALS');
      }
      await forgive(context, tries);
      const { domainId, description, expiresAt: until } = token;
      return startSession(context, { userId: user.id, domainId, description, until, action: 'authn_reauthenticate_success' });
    },
  }),
);
