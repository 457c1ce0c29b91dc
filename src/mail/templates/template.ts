import type { EmailLinkPurpose, Invitation, User } from '../../database/generated/prisma/client.ts';
import { replaceInvisible } from '../../lib/visible-text.ts';

/** A part of an email: a paragraph, a link to one of our pages, or a code with the page on which it can be entered. */
export type Part = string | { readonly url: string; readonly label: string } | { readonly code: string; readonly page: string };

export interface Content {
  readonly subject: string;
  readonly parts: readonly Part[];
}

/** The link of an email, as its template gets it. */
export interface LinkContent {
  /** The URL of the page, including the token. */
  readonly url: string;
  /** The code that replaces the token where the link cannot be opened. */
  readonly code: string;
  /** The URL of the page with a field for the code. */
  readonly page: string;
  /** For how long both are valid, in words: "for 30 minutes (until …)". */
  readonly validity: string;
}

/** The kind of link that an email carries. */
export interface LinkOptions {
  readonly purpose: EmailLinkPurpose;
  /** Lifetime in milliseconds. Defaults to that of the invitation. */
  readonly lifetime?: number;
  /** The path of the page that it opens. */
  readonly path: string;
  /** The query parameter that carries the token. Defaults to `token`. */
  readonly tokenParam?: string;
}

export type Recipient = User | Invitation;

/**
 * An email to a user or to an invited address: a typed function of its data. The data is stored until the email is sent, so it must not contain
 * secrets.
 */
export interface EmailTemplate<Data extends object, To extends Recipient = User> {
  /** False if the email is obsolete by the time it is sent. Defaults to: the account is not deleted. */
  readonly isWanted?: (to: To, now: Date) => boolean;
  write(data: Data, to: To): Content;
}

/** An email with a link, which is created as the email is sent. */
export interface LinkEmailTemplate<Data extends object, To extends Recipient = User> extends Pick<EmailTemplate<Data, To>, 'isWanted'> {
  readonly link: LinkOptions;
  write(data: Data, to: To, link: LinkContent): Content;
}

/** True if the account can log in; emails that ask for an action are sent only then. */
export const canLogIn = ({ enabled, deletedAt }: Pick<User, 'enabled' | 'deletedAt'>) => enabled && deletedAt === null;

export const formatDate = (date: Date) =>
  `${new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' }).format(date)} UTC`;

/** The origin of the request that caused an email. */
export interface Origin {
  readonly network: string;
  readonly agent: string | null;
}

/** The origin in words. The user agent is text of the caller, so it is neutralized. */
export const describeOrigin = ({ network, agent }: Origin) => `from ${network}${agent ? `, using ${neutralizeLinks(agent)}` : ''}`;

/** Text of a user, shortened, that mail programs do not turn into links (security.md 11.9). */
export const neutralizeLinks = (text: string) =>
  replaceInvisible(text.slice(0, 120), ' ').replace(/[.\u3002\uFF0E\uFF61@](?=\p{L})|[:/](?=\/)/gu, '$& ');
