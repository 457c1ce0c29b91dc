import { describeOrigin, type EmailTemplate, type Origin } from './template.ts';

/** A session was revoked because one of its refresh tokens was reused. */
export const tokenReused: EmailTemplate<Origin> = {
  write: (origin) => ({
    subject: 'We signed out one of your sessions',
    parts: [
      `A refresh token of one of your sessions was reused (${describeOrigin(origin)}). It may have been copied, so we signed out that session.`,
      'Log in again where you need to. If this happens again, change your password.',
    ],
  }),
};
