import { createTransport } from 'nodemailer';
import type { Config } from '../config.ts';
import type { RenderedEmail } from './render.ts';

interface Message extends RenderedEmail {
  readonly to: string;
  /** The same for every attempt, so that a recipient sees duplicates as one message. */
  readonly messageId: string;
}

/** Sends emails through a mail server. */
export interface MailTransport {
  send(message: Message): Promise<void>;
  /** True if the server accepts a connection and the login. */
  isReachable(): Promise<boolean>;
  close(): void;
}

// Milliseconds. Together shorter than the claim on an email.
const timeouts = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 20_000, dnsTimeout: 5_000 };

/** Connects to the SMTP server of the configuration; undefined if none is configured. */
export function createMailTransport({ SMTP_URL, MAIL_FROM }: Pick<Config, 'SMTP_URL' | 'MAIL_FROM'>): MailTransport | undefined {
  if (!SMTP_URL) return undefined;
  // The content is text: no part of it is a path or a URL to load.
  const transport = createTransport({ url: SMTP_URL, ...timeouts, disableFileAccess: true, disableUrlAccess: true });
  const headers = { 'auto-submitted': 'auto-generated', 'x-auto-response-suppress': 'All' }; // RFC 3834 §5
  return {
    send: async (message) => void (await transport.sendMail({ from: MAIL_FROM, headers, ...message })),
    isReachable: () =>
      transport.verify().then(
        () => true,
        () => false,
      ),
    close: () => transport.close(),
  };
}

interface SmtpError {
  readonly code?: unknown;
  readonly command?: unknown;
  readonly responseCode?: unknown;
}

/** The replies that concern one email: to its recipient and to its content. 421 is a server that shuts down (RFC 5321 §3.8). */
const concernsEmail = ({ code, command, responseCode }: SmtpError) =>
  (code === 'EENVELOPE' || code === 'EMESSAGE') && command !== 'MAIL FROM' && responseCode !== 421;

/** True if the server rejected this message or recipient permanently, so that a retry would fail too (RFC 5321 §4.2.1). */
export const isPermanentRejection = (error: SmtpError) => concernsEmail(error) && Number(error.responseCode) >= 500;

/**
 * True if the server would accept no other email either. A connection that was lost may be due to the email: then the server still accepts
 * connections.
 */
export async function isServerFailure(transport: MailTransport, error: SmtpError): Promise<boolean> {
  if (concernsEmail(error)) return false;
  if (error.code === 'EAUTH' || error.responseCode !== undefined) return true;
  return !(await transport.isReachable());
}
