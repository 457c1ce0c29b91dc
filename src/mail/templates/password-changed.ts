import { describeOrigin, type EmailTemplate, type Origin } from './template.ts';

/** The password was changed. */
export const passwordChanged: EmailTemplate<Origin> = {
  write: (origin) => ({
    subject: 'Your password was changed',
    parts: [
      `The password of your account was changed (${describeOrigin(origin)}), and you were logged out on all other devices.`,
      'If this was not you, request a reset link immediately.',
    ],
  }),
};
