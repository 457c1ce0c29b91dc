import { describeOrigin, type EmailTemplate, isInvitationOpen, neutralizeLinks, type Origin } from './template.ts';

/** Tells the owner by which names the account logs in. */
export const usernameReminder: EmailTemplate<Origin> = {
  wanted: isInvitationOpen,
  write: (origin, { email, username, usernameKey, displayName }) => ({
    subject: 'How you log in',
    parts: [
      `Somebody asked by which name you log in (${describeOrigin(origin)}).`,
      `You log in with the e-mail address ${email}${displayName ? `; others see you as ${neutralizeLinks(displayName)}` : ''}.`,
      ...(username && usernameKey ? [`Your username, which does as well, is this, without blanks: ${neutralizeLinks(username)}`] : []),
      'If it was not you who asked, there is nothing to do.',
    ],
  }),
};
