import { describeOrigin, type EmailTemplate, type Origin } from './template.ts';

/** To the owner of an account: its address was registered again. */
export const alreadyRegistered: EmailTemplate<Origin> = {
  write: (origin) => ({
    subject: 'You already have an account',
    parts: [
      `Someone tried to create an account with this email address (${describeOrigin(origin)}). This address already has an account; nothing has changed.`,
      'If this was you, log in as usual. If you forgot your password, you can request a reset link.',
      'If this was not you, no action is needed.',
    ],
  }),
};
