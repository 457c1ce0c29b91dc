import { from, harmless, isOpen, type Letter, type Origin } from './template.ts';

/** Tells the owner by which names the account logs in. */
export const usernameReminder: Letter<Origin> = {
  wanted: isOpen,
  write: (origin, { email, username, usernameKey, displayName }) => ({
    subject: 'How you log in',
    parts: [
      `Somebody asked by which name you log in (${from(origin)}).`,
      `You log in with the e-mail address ${email}${displayName ? `; others see you as ${harmless(displayName)}` : ''}.`,
      ...(username && usernameKey ? [`Your username, which does as well, is this, without blanks: ${harmless(username)}`] : []),
      'If it was not you who asked, there is nothing to do.',
    ],
  }),
};
