import { describeOrigin, type EmailTemplate, type Origin } from './template.ts';

/** An administrator marked the email address as confirmed, without a link or code that was sent to it. */
export const emailMarkedConfirmed: EmailTemplate<Origin> = {
  write: (origin) => ({
    subject: 'Your email address was confirmed by an administrator',
    parts: [
      `An administrator marked the email address of your account as confirmed (${describeOrigin(origin)}). You did not have to open a link.`,
      'If you do not know about this account, contact the operator of the service.',
    ],
  }),
};
