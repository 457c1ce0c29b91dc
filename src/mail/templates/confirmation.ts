import { isInvitationOpen, type LinkEmailTemplate } from './template.ts';

/** Asks whoever registered an address to prove that it is theirs. */
export const confirmation: LinkEmailTemplate<Record<never, never>> = {
  link: { purpose: 'CONFIRM_EMAIL', lasts: 24 * 3_600_000, page: '/confirm' }, // security.md F10
  wanted: (user) => isInvitationOpen(user) && user.emailConfirmedAt === null,
  write: (_, __, { url, code, until }) => ({
    subject: 'Confirm your e-mail address',
    parts: [
      'An account was made with this e-mail address. Confirm that the address is yours, and you can use the account.',
      { url, label: 'Confirm the address' },
      { code },
      `The link and the code work ${until}, once.`,
      'If you did not make an account, do nothing: nobody can use it as yours.',
    ],
  }),
};
