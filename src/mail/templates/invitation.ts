import type { Invitation } from '../../database/generated/prisma/client.ts';
import { type LinkEmailTemplate, neutralizeLinks } from './template.ts';

interface Data {
  /** The display name of the inviter, if set. */
  readonly by: string | null;
  /** The display name of the domain; null for an invitation without a domain. */
  readonly to: string | null;
}

/** An invitation. The text is the same whether or not the address has an account. */
export const invitation: LinkEmailTemplate<Data, Invitation> = {
  link: { purpose: 'INVITATION', path: '/invite' },
  isWanted: ({ acceptedAt, revokedAt, expiresAt }, now) => acceptedAt === null && revokedAt === null && expiresAt > now,
  write: ({ by, to }, _, { url, code, page, validity }) => ({
    subject: `You have been invited to ${to ? neutralizeLinks(to) : new URL(url).host}`,
    parts: [
      `${by ? neutralizeLinks(by) : 'An administrator'} has invited you to ${to ? neutralizeLinks(to) : new URL(url).host}.`,
      { url, label: 'Accept the invitation' },
      { code, page },
      `The link and the code are valid ${validity} and can be used once. If you already have an account with this email address, log in before you accept.`,
      'If you were not expecting this invitation, ignore this email.',
    ],
  }),
};
