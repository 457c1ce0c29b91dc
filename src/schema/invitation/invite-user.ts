import { all } from '../../authorization/rules/rule.ts';
import { onTransaction, type Tx } from '../../database/database.ts';
import { graphqlError, validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { type CreationScope, idempotencyKeyField, isRepetition, runCreation } from '../../graphql/idempotency.ts';
import { consume, withinEmailLimits } from '../../identity/credentials/rate-limit.ts';
import { emailKeysOfAddress, emailKeysOfRequester } from '../../identity/credentials/rate-limit-keys.ts';
import { domainIds } from '../../identity/domains/lock-domain.ts';
import { requireFutureExpiry } from '../../identity/expiry.ts';
import { emailKey, storedEmail } from '../../lib/email-address.ts';
import { singleLineText, timestamp } from '../../lib/validators.ts';
import { enqueueEmail } from '../../mail/outbox.ts';
import { administers, confirmed, session } from '../../policy/conditions.ts';
import { resolveGrantForNewUser } from '../role/grant-authority.ts';
import { Invitation } from './invitation.ts';

const day = 24 * 3_600_000; // milliseconds
const defaultLifetime = 7 * day; // both values: security.md F10
const maxLifetime = 30; // days

builder.relayMutationField(
  'inviteUser',
  {
    inputFields: (t) => ({
      email: t.string({
        required: true,
        validate: singleLineText(254),
        description: 'The email address, which may or may not have an account.',
      }),
      role: t.string({ required: true, validate: singleLineText(63), description: 'The name of the role.' }),
      domain: t.string({
        validate: singleLineText(63),
        description: 'The name of the domain in which the role is granted. If omitted, the role is granted globally.',
      }),
      expiresAt: t.field({
        type: 'DateTime',
        validate: timestamp,
        description: 'Expiry of the invitation. Defaults to 7 days; maximum 30 days.',
      }),
      idempotencyKey: idempotencyKeyField(t),
    }),
  },
  {
    description:
      'Emails an invitation to a role. It can be accepted once, while the inviter may still grant the role; only superadmins can invite to ADMIN and SUPERADMIN.',
    access: all(session, confirmed, administers),
    resolve: async (_, { input }, context, info) => {
      const key = emailKey(input.email);
      if (key === undefined) throw validationError({ email: ['must be a valid email address'] });
      const { network } = context.client;
      const inviter = context.viewer?.user.id ?? '';
      const isRepeated = await isRepetition(context, info, input);
      const ofRequester = { emailByNetwork: network, invitationByUser: inviter, ...emailKeysOfRequester('invitation', key, inviter) };
      const invite = async (mutation: CreationScope) => {
        const { tx, viewer, audit } = mutation;
        if (key === viewer.user.emailKey) throw graphqlError('SELF_ACTION_FORBIDDEN');
        const { role, domain } = await resolveGrantForNewUser(mutation, input);
        if (input.expiresAt) requireFutureExpiry(viewer, input.expiresAt, maxLifetime);
        await consume({ ...context, db: onTransaction(tx) }, emailKeysOfAddress('invitation', key));
        const expiresAt = input.expiresAt ?? new Date(viewer.now.getTime() + defaultLifetime);
        const data = {
          email: storedEmail(input.email),
          emailKey: key,
          roleId: role.id,
          domainId: domain?.id ?? null,
          invitedById: viewer.user.id,
          expiresAt,
        };
        const invitation = await tx.invitation.create({ data, include: { domain: true } });
        const { id, domainId } = invitation;
        const details = { role: role.name, domain: domain?.name ?? null, expiresAt: expiresAt.toISOString() };
        await audit({ action: 'user_invited', domainId, target: { type: 'Invitation', id }, details });
        const emailData = { by: viewer.user.displayName, to: invitation.domain?.displayName ?? null };
        await enqueueEmail(tx, 'invitation', { invitationId: id }, emailData);
        return { invitation };
      };
      const requireRights = (mutation: CreationScope) => resolveGrantForNewUser(mutation, input);
      const lockAlso = async (tx: Tx) => ({ domains: await domainIds(tx, input.domain) });
      const limits = isRepeated ? {} : ofRequester;
      return withinEmailLimits(context, limits, (queuesNone) => {
        // A repetition of a call that was still running above.
        const repeat = async () => {
          queuesNone();
          return {};
        };
        return runCreation(context, info, { model: 'Invitation', input, requireRights, repeat }, invite, lockAlso);
      });
    },
  },
  { outputFields: (t) => ({ invitation: t.expose('invitation', { type: Invitation, description: 'The new invitation.' }) }) },
);
