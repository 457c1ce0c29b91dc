import { describeOrigin, isInvitationOpen, type LinkEmailTemplate, type Origin } from './template.ts';

/** Lets the owner of an address choose a new password. */
export const passwordReset: LinkEmailTemplate<Origin & { byAdministrator?: true }> = {
  link: { purpose: 'RESET_PASSWORD', lasts: 30 * 60_000, page: '/reset' }, // security.md F10
  wanted: isInvitationOpen,
  write: ({ byAdministrator, ...origin }, _, { url, code, until }) => ({
    subject: 'Choose a new password',
    parts: [
      byAdministrator
        ? 'An administrator has asked for this letter, so that you can choose a new password.'
        : `Somebody asked for a new password of your account (${describeOrigin(origin)}).`,
      { url, label: 'Choose a new password' },
      { code },
      `The link and the code work ${until}, once. All sessions end when the new password is set.`,
      'If you do not want a new password, do nothing: the old one stays. Nobody who does not have this letter can change it.',
    ],
  }),
};
