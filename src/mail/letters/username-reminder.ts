import { from, harmless, type Letter, type Origin } from '../letter.ts';

/** Tells the owner by which names the account logs in. */
export const usernameReminder: Letter<Origin> = {
  wanted: ({ enabled }) => enabled,
  write: (origin, { email, displayName }) => ({
    subject: 'How you log in',
    parts: [
      `Somebody asked by which name you log in (${from(origin)}).`,
      `You log in with the e-mail address ${email}${displayName ? `; others see you as ${harmless(displayName)}` : ''}.`,
      'If it was not you who asked, there is nothing to do.',
    ],
  }),
};
