import { type InvitationEmailTemplate, neutralizeLinks } from './template.ts';

interface Facts {
  /** The display name of the inviter, if they have one. */
  readonly by: string | null;
  /** The display name of the domain; null where it is to everywhere. */
  readonly to: string | null;
}

/** Tells whoever has an address that they are invited. Says the same whether they have an account already. */
export const invitation: InvitationEmailTemplate<Facts> = {
  link: { purpose: 'INVITATION', page: '/invite' },
  wanted: ({ acceptedAt, revokedAt, expiresAt }) => acceptedAt === null && revokedAt === null && expiresAt.getTime() > Date.now(),
  write: ({ by, to }, _, { url, code, until }) => ({
    subject: to ? `You are invited to ${neutralizeLinks(to)}` : 'You are invited',
    parts: [
      `${by ? neutralizeLinks(by) : 'An administrator'} invites you${to ? ` to ${neutralizeLinks(to)}` : ''}.`,
      { url, label: 'Accept the invitation' },
      { code },
      `The link and the code work ${until}, once. If you have an account with this e-mail address, log in before you accept.`,
      'If you do not know what this is about, do nothing.',
    ],
  }),
};
