import { describeOrigin, type EmailTemplate, type Origin } from './template.ts';

/** Tells the owner that the password is another one now. */
export const passwordChanged: EmailTemplate<Origin> = {
  write: (origin) => ({
    subject: 'Your password was changed',
    parts: [
      `The password of your account was changed (${describeOrigin(origin)}), and whatever else was signed in with the old one has ended.`,
      'If it was not you, ask for a new password at once where you log in.',
    ],
  }),
};
