import { describeOrigin, type LinkEmailTemplate, type Origin } from './template.ts';

/** To the previous address: the email address was changed, and how to undo it. */
export const emailChanged: LinkEmailTemplate<Origin> = {
  link: { purpose: 'UNDO_EMAIL_CHANGE', lifetime: 72 * 3_600_000, path: '/email-change', tokenParam: 'undo' }, // security.md 11.6
  isWanted: ({ erasedAt }) => erasedAt === null, // also for a deleted account: an attacker may have changed the address and deleted it
  write: (origin, _, { url, validity }) => ({
    subject: 'Your email address was changed',
    parts: [
      `The email address of your account was changed (${describeOrigin(origin)}). You can no longer log in with this address, and future emails go to the new one.`,
      'If this was you, no action is needed. If it was not, undo the change:',
      { url, label: 'Undo the change' },
      `The link is valid ${validity} and can be used once. It restores this address, logs you out on all devices, revokes all API tokens, and lets you choose a new password.`,
    ],
  }),
};
