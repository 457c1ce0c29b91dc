import { isInvitationOpen, type LinkEmailTemplate } from './template.ts';

/** Lets the owner of an account that an administrator has made choose its first password. */
export const welcome: LinkEmailTemplate<Record<never, never>> = {
  link: { purpose: 'FIRST_PASSWORD', lasts: 7 * 24 * 3_600_000, page: '/reset' }, // security.md F10, as an invitation
  wanted: isInvitationOpen,
  write: (_, __, { url, code, until }) => ({
    subject: 'An account was made for you',
    parts: [
      'An administrator has made an account with this e-mail address for you. Choose a password, and you can log in.',
      { url, label: 'Choose a password' },
      { code },
      `The link and the code work ${until}, once. After that, ask for a new password where you log in.`,
      'If you do not want an account, do nothing: nobody who does not have this letter can use it.',
    ],
  }),
};
