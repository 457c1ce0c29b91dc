import { describeOrigin, type LinkEmailTemplate, type Origin } from './template.ts';

/** Tells the address that an account had, and lets its owner have it back. */
export const addressChanged: LinkEmailTemplate<Origin> = {
  link: { purpose: 'UNDO_EMAIL_CHANGE', lasts: 72 * 3_600_000, page: '/email-change', by: 'undo' }, // security.md 11.6
  wanted: ({ erasedAt }) => erasedAt === null, // also of an account that is deleted: whoever took it over may have done both
  write: (origin, _, { url, until }) => ({
    subject: 'Your e-mail address was changed',
    parts: [
      `Your account has another e-mail address now (${describeOrigin(origin)}). You no longer log in with this one, and letters go to the new one.`,
      'If it was you, there is nothing to do. If it was not you, undo it:',
      { url, label: 'Undo the change' },
      `The link works ${until}, once. The account gets this address back, all its sessions and API tokens end, and you choose a new password.`,
    ],
  }),
};
