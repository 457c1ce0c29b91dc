import { all } from '../../authorization/rules/rule.ts';
import { graphqlError, validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { consume, emailKeys } from '../../identity/credentials/rate-limit.ts';
import { emailKey } from '../../lib/email-address.ts';
import { futureDate, singleLineText } from '../../lib/validators.ts';
import { enqueueEmail } from '../../mail/outbox.ts';
import { administers, confirmed, session } from '../../policy/conditions.ts';
import { resolveGrantForNewUser } from '../role/grant-authority.ts';
import { Invitation } from './invitation.ts';

const day = 24 * 3_600_000;
const usual = 7 * day; // security.md F10, as is the next one
const longest = 30 * day;

builder.relayMutationField(
  'inviteUser',
  {
    inputFields: (t) => ({
      email: t.string({
        required: true,
        validate: singleLineText(254),
        description: 'The e-mail address, whether it has an account or not.',
      }),
      role: t.string({ required: true, validate: singleLineText(63), description: 'The name of the role.' }),
      domain: t.string({ validate: singleLineText(63), description: 'The name of the domain; left out, the role is held everywhere.' }),
      expiresAt: t.field({
        type: 'DateTime',
        validate: futureDate.refine((at) => at.getTime() <= Date.now() + longest, 'at most 30 days ahead'),
        description: 'Until when it can be accepted: 7 days unless said, at most 30.',
      }),
    }),
  },
  {
    description:
      'Mails somebody an invitation to a role, which they accept once, while the inviter may still grant it. To ADMIN and SUPERADMIN superadmins invite alone; a domain administrator invites to own domains only.',
    access: all(session, confirmed, administers),
    resolve: async (_, { input }, context, info) => {
      const key = emailKey(input.email);
      if (key === undefined) throw validationError({ email: ['must be a valid email address'] });
      const { network } = context.client;
      const inviter = context.viewer?.user.id ?? '';
      await consume(context, { mailByNetwork: network, invitationByUser: inviter, ...emailKeys('invitation', `${inviter} ${key}`) });
      return runMutation(context, info, async (writing) => {
        const { tx, viewer, audit } = writing;
        if (key === viewer.user.emailKey) throw graphqlError('SELF_ACTION_FORBIDDEN');
        const { role, domain } = await resolveGrantForNewUser(writing, input);
        const expiresAt = input.expiresAt ?? new Date(viewer.now.getTime() + usual);
        const data = {
          email: input.email,
          emailKey: key,
          roleId: role.id,
          domainId: domain?.id ?? null,
          invitedById: viewer.user.id,
          expiresAt,
        };
        const invitation = await tx.invitation.create({ data, include: { domain: true } });
        const { id, domainId } = invitation;
        const details = { role: role.name, domain: domain?.name ?? null, expiresAt: expiresAt.toISOString() };
        await audit({ action: 'user_invited', domainId, target: ['Invitation', id], details });
        const facts = { by: viewer.user.displayName, to: invitation.domain?.displayName ?? null };
        await enqueueEmail(tx, 'invitation', { invitationId: id }, facts);
        return { invitation };
      });
    },
  },
  { outputFields: (t) => ({ invitation: t.expose('invitation', { type: Invitation, description: 'The invitation.' }) }) },
);
