import { describeOrigin, type EmailTemplate, type Origin } from './template.ts';

/** A session was revoked because one of its refresh tokens was reused. */
export const tokenReused: EmailTemplate<Origin> = {
  write: (origin) => ({
    subject: 'We logged out one of your devices',
    parts: [
      `Someone used an outdated login of one of your devices (${describeOrigin(origin)}). It may have been copied, so we logged that device out.`,
      'Log in again where you need to. If this happens again, change your password.',
    ],
  }),
};
