import { describeOrigin, type EmailTemplate, type Origin } from './template.ts';

/** Tells the owner that a session ended because somebody used one of its refresh tokens again. */
export const tokenReused: EmailTemplate<Origin> = {
  write: (origin) => ({
    subject: 'A session was ended, to be safe',
    parts: [
      `A key of one of your sessions was used a second time (${describeOrigin(origin)}). It may have been copied, so that session was ended.`,
      'Log in again where you need it. If you see this more than once, change your password.',
    ],
  }),
};
