import { canLogIn, describeOrigin, type LinkEmailTemplate, type Origin } from './template.ts';

/** Asks to confirm the new address of an account. */
export const emailChangeConfirmation: LinkEmailTemplate<Origin> = {
  link: { purpose: 'CHANGE_EMAIL', lifetime: 60 * 60_000, path: '/email-change' }, // security.md F10
  isWanted: canLogIn,
  write: (origin, _, { url, code, page, validity }) => ({
    subject: 'Confirm your new email address',
    parts: [
      `Someone asked to use this email address for their account (${describeOrigin(origin)}). If this was you, confirm that the address is yours:`,
      { url, label: 'Confirm new email address' },
      { code, page },
      `The link and the code are valid ${validity} and can be used once. You must be logged in or enter the account's password. The address changes only when you confirm.`,
      'If this was not you, ignore this email. The link does not work without access to that account.',
    ],
  }),
};
