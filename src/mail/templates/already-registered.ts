import { describeOrigin, type EmailTemplate, type Origin } from './template.ts';

/** Tells the owner of an account that somebody tried to register its address once more. */
export const alreadyRegistered: EmailTemplate<Origin> = {
  write: (origin) => ({
    subject: 'You have an account already',
    parts: [
      `Somebody tried to register this e-mail address (${describeOrigin(origin)}). It has an account already, and nothing has changed.`,
      'If it was you, log in as you are used to; if you do not know the password any more, ask for a new one where you log in.',
      'If it was not you, there is nothing to do.',
    ],
  }),
};
