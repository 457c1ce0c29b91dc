import { describeOrigin, type EmailTemplate, formatDate, neutralizeLinks, type Origin } from './template.ts';

interface CreatedToken extends Origin {
  readonly description: string;
  readonly scopes: readonly string[];
  /** The times of the creation and of the expiry, in ISO 8601. */
  readonly createdAt: string;
  readonly expiresAt: string;
}

/** An API token, which works without the password and after a password change, was created for the account. */
export const apiTokenCreated: EmailTemplate<CreatedToken> = {
  write: ({ description, scopes, createdAt, expiresAt, ...origin }) => ({
    subject: 'New API token for your account',
    parts: [
      `An API token was created for your account on ${formatDate(new Date(createdAt))} (${describeOrigin(origin)}).`,
      `Description: ${neutralizeLinks(description)}. Scopes: ${scopes.join(', ')}. It expires on ${formatDate(new Date(expiresAt))}.`,
      'If this was you, no action is needed. If it was not, revoke the token, log out everywhere and change your password.',
    ],
  }),
};
