import { canLogIn, type LinkEmailTemplate } from './template.ts';

/** To the owner of an account that an administrator created: choose the first password. */
export const welcome: LinkEmailTemplate<Record<never, never>> = {
  link: { purpose: 'FIRST_PASSWORD', lifetime: 7 * 24 * 3_600_000, path: '/reset' }, // security.md F10, as an invitation
  isWanted: canLogIn,
  write: (_, __, { url, code, page, validity }) => ({
    subject: 'Your new account',
    parts: [
      'An administrator created an account for you with this email address. Choose a password to start using it.',
      { url, label: 'Choose a password' },
      { code, page },
      `The link and the code are valid ${validity} and can be used once. After that, you can request a reset link.`,
      'If you do not want an account, ignore this email. The account cannot be used until a password is chosen.',
    ],
  }),
};
