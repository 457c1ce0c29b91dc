import { describeOrigin, type EmailTemplate, type Origin } from './template.ts';

/** A login from a new network and user agent (security.md 2.7). */
export const newLogin: EmailTemplate<Origin> = {
  write: (origin) => ({
    subject: 'New login to your account',
    parts: [
      `Someone logged in to your account from a new device or network (${describeOrigin(origin)}).`,
      'If this was you, no action is needed. If it was not, log that device out and change your password.',
    ],
  }),
};
