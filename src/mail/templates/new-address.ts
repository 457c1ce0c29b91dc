import { describeOrigin, isInvitationOpen, type LinkEmailTemplate, type Origin } from './template.ts';

/** Asks whoever wants an address for their account to prove that it is theirs. */
export const newAddress: LinkEmailTemplate<Origin> = {
  link: { purpose: 'CHANGE_EMAIL', lasts: 60 * 60_000, page: '/email-change' }, // security.md F10
  wanted: isInvitationOpen,
  write: (origin, _, { url, code, until }) => ({
    subject: 'Confirm your new e-mail address',
    parts: [
      `Somebody wants this e-mail address for their account (${describeOrigin(origin)}). If it was you, confirm that the address is yours.`,
      { url, label: 'Confirm the new address' },
      { code },
      `The link and the code work ${until}, once, where you are signed in or with the password of the account. Until then the old address stays.`,
      'If it was not you, do nothing: without the password of that account the link is good for nothing.',
    ],
  }),
};
