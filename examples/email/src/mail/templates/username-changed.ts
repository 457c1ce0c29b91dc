import { type EmailTemplate, neutralizeLinks } from './template.ts';

/** Notifies the owner of a changed username. */
export const usernameChanged: EmailTemplate<{ username: string }> = {
  write: ({ username }) => ({
    subject: 'Your username was changed',
    parts: [`Your username is now ${neutralizeLinks(username)}.`, 'If this was not you, change your password.'],
  }),
};
