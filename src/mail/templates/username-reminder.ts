import { canLogIn, describeOrigin, type EmailTemplate, neutralizeLinks, type Origin } from './template.ts';

/** The names that the account can log in with. */
export const usernameReminder: EmailTemplate<Origin> = {
  isWanted: canLogIn,
  write: (origin, { email, username, usernameKey, displayName }) => ({
    subject: 'How to log in to your account',
    parts: [
      `Someone asked how to log in to your account (${describeOrigin(origin)}).`,
      `You log in with your email address, ${email}.${displayName ? ` Your display name is ${neutralizeLinks(displayName)}.` : ''}`,
      ...(username && usernameKey ? [describeUsername(username)] : []),
      'If this was not you, no action is needed.',
    ],
  }),
};

/** The username as text that mail programs do not turn into a link, which may add a space to it. */
function describeUsername(username: string): string {
  const text = neutralizeLinks(username);
  return `You can also log in with your username${text === username ? '' : ', which contains no spaces'}: ${text}`;
}
