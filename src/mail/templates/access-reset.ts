import type { EmailTemplate } from './template.ts';

/** Tells the owner that an administrator has ended all that was signed in. */
export const accessReset: EmailTemplate<Record<never, never>> = {
  write: () => ({
    subject: 'Your sessions were ended',
    parts: [
      'An administrator has ended all sessions and API tokens of your account. Your password is as it was.',
      'Log in again where you need it, and make new API tokens for programs that used one.',
    ],
  }),
};
