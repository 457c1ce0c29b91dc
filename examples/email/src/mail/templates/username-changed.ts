import { type EmailTemplate, neutralizeLinks } from './template.ts';

/** Notifies the owner of a changed username. */
export const usernameChanged: EmailTemplate<{ username: string }> = {
  write: ({ username }) => ({
    subject: 'Your username was changed',
    parts: [`You now log in as ${neutralizeLinks(username)}.`, "If you didn't do this, change your password."],
  }),
};
