import { canLogIn, describeOrigin, type LinkEmailTemplate, type Origin } from './template.ts';

/** Lets the owner choose a new password. */
export const passwordReset: LinkEmailTemplate<Origin & { byAdministrator?: true }> = {
  link: { purpose: 'RESET_PASSWORD', lifetime: 30 * 60_000, path: '/reset' }, // security.md F10
  isWanted: canLogIn,
  write: ({ byAdministrator, ...origin }, _, { url, code, page, validity }) => ({
    subject: 'Choose a new password',
    parts: [
      byAdministrator
        ? 'An administrator requested this email so that you can choose a new password.'
        : `Someone asked to reset the password of your account (${describeOrigin(origin)}).`,
      { url, label: 'Choose a new password' },
      { code, page },
      `The link and the code are valid ${validity} and can be used once. You are logged out on all devices when you set a new password.`,
      `${byAdministrator ? 'If you do not want a new password' : 'If this was not you'}, ignore this email; your password has not changed.`,
    ],
  }),
};
