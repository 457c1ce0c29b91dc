import type { Invitation, LinkPurpose, User } from '../../database/generated/prisma/client.ts';

/** A part of a letter: a paragraph, a link to a page of ours, or a code to be typed. */
export type Part = string | { readonly url: string; readonly label: string } | { readonly code: string };

/** What a letter says. */
export interface Content {
  readonly subject: string;
  readonly parts: readonly Part[];
}

/** What a letter is told of the link that it carries. */
export interface LinkFacts {
  /** The address of the page, with the token. */
  readonly url: string;
  /** The code that stands for the token where there is no browser. */
  readonly code: string;
  /** Until when both work, in words. */
  readonly until: string;
}

/** The link that a letter carries. */
export interface LinkKind {
  readonly purpose: LinkPurpose;
  /** For how many milliseconds it works; that of an invitation as long as the invitation. */
  readonly lasts?: number;
  /** The path of the page that it opens. */
  readonly page: string;
  /** The parameter that brings the token there; `token` unless said. */
  readonly by?: 'undo';
}

/**
 * A letter to whom an account belongs or, `To` an invitation, to whoever is invited: a typed function of what it tells. `Facts` is kept until it
 * was sent, and holds nothing secret.
 */
export interface EmailTemplate<Facts extends object, To extends Addressee = User> {
  /** Whether it is still wanted, by the account as it is when the letter is sent; unless said, while the account is not deleted. */
  readonly wanted?: (to: To) => boolean;
  write(facts: Facts, to: To): Content;
}

/** To whom letters go. */
export type Addressee = User | Invitation;

/** A letter with a link in it, which is made as the letter is sent. */
export interface LinkEmailTemplate<Facts extends object, To extends Addressee = User> extends Pick<EmailTemplate<Facts, To>, 'wanted'> {
  readonly link: LinkKind;
  write(facts: Facts, to: To, link: LinkFacts): Content;
}

/** A letter to whoever is invited. */
export type InvitationEmailTemplate<Facts extends object> = LinkEmailTemplate<Facts, Invitation>;
/** Whether the account can be signed in to: what a letter asks that is for those who do. */
export const isInvitationOpen = ({ enabled, deletedAt }: Pick<User, 'enabled' | 'deletedAt'>) => enabled && deletedAt === null;

/** A moment, as people write it. */
export const formatDate = (at: Date) =>
  `${new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' }).format(at)} UTC`;

/** From where something was asked for, as letters tell it. */
export interface Origin {
  readonly network: string;
  readonly agent: string | null;
}

/** From where, in words. What the agent says of itself is the caller's text: bounded, and with nothing that a reader takes for a link. */
export const describeOrigin = ({ network, agent }: Origin) => `network ${network}${agent ? `, with ${neutralizeLinks(agent)}` : ''}`;

/** Somebody's text so that no program makes a link of it (security.md 11.9). */
export const neutralizeLinks = (text: string) =>
  text
    .slice(0, 120)
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/[.\u3002\uFF0E\uFF61@](?=\p{L})|[:/](?=\/)/gu, '$& ');
