import type { EmailTemplate } from './template.ts';

/** An administrator revoked all sessions and API tokens. */
export const accessReset: EmailTemplate<Record<never, never>> = {
  write: () => ({
    subject: 'You have been logged out everywhere',
    parts: [
      'An administrator logged you out on all devices and revoked all API tokens of your account. Your password has not changed.',
      'Log in again where you need to, and create new API tokens for programs that used one.',
    ],
  }),
};
