import { describeOrigin, type EmailTemplate, type Origin } from './template.ts';

/** Tells the owner of a login from where there was none before (security.md 2.7). */
export const newLogin: EmailTemplate<Origin> = {
  write: (origin) => ({
    subject: 'A new login',
    parts: [
      `Somebody logged in to your account from where you have not logged in before (${describeOrigin(origin)}).`,
      'If it was you, there is nothing to do. If it was not, end that session, and change the password.',
    ],
  }),
};
