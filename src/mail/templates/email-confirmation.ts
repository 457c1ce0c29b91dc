import { canLogIn, type LinkEmailTemplate } from './template.ts';

/** Asks to confirm the address of a new account. */
export const emailConfirmation: LinkEmailTemplate<Record<never, never>> = {
  link: { purpose: 'CONFIRM_EMAIL', lifetime: 24 * 3_600_000, path: '/confirm' }, // security.md F10
  isWanted: (user) => canLogIn(user) && user.emailConfirmedAt === null,
  write: (_, __, { url, code, page, validity }) => ({
    subject: 'Confirm your email address',
    parts: [
      'An account was created with this email address. Confirm that the address is yours to start using the account.',
      { url, label: 'Confirm email address' },
      { code, page },
      `The link and the code are valid ${validity} and can be used once.`,
      'If you did not create an account, ignore this email. The address will not be confirmed.',
    ],
  }),
};
