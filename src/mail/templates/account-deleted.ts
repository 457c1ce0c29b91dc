import { type EmailTemplate, formatDate } from './template.ts';

/** Tells the owner that the account is gone, and until when it can come back. */
export const accountDeleted: EmailTemplate<{ /** As ISO 8601 writes it. */ until: string; byAdministrator?: true }> = {
  wanted: ({ deletedAt }) => deletedAt !== null,
  write: ({ until, byAdministrator }) => ({
    subject: 'Your account was deleted',
    parts: [
      `${byAdministrator ? 'An administrator has deleted your account.' : 'Your account was deleted, as you asked.'} Nobody can sign in to it any more.`,
      `Until ${formatDate(new Date(until))} an administrator can restore it as it was. After that everything that it says of you is erased for good.`,
      'If you do not want this, ask an administrator before then.',
    ],
  }),
};
