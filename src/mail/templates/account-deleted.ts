import { type EmailTemplate, formatDate } from './template.ts';

interface Data {
  /** ISO 8601. */
  readonly until: string;
  readonly byAdministrator?: true;
}

/** The account was deleted, and can be restored until a date. */
export const accountDeleted: EmailTemplate<Data> = {
  isWanted: ({ deletedAt }) => deletedAt !== null,
  write: ({ until, byAdministrator }) => ({
    subject: 'Your account has been deleted',
    parts: [
      `${byAdministrator ? 'An administrator deleted your account.' : 'Your account has been deleted, as you requested.'} It can no longer be used to log in.`,
      `Until ${formatDate(new Date(until))}, an administrator can restore it. After that, your personal data is permanently erased.`,
      'If you want to keep your account, contact an administrator before then.',
    ],
  }),
};
