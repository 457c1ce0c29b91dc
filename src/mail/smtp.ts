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
    close: () => transport.close(),
  };
}

/** True if the server rejected this message or recipient permanently, so that a retry would fail too (RFC 5321 §4.2.1). */
export const isPermanentRejection = (error: unknown) => {
  const { code, responseCode } = error as { code?: unknown; responseCode?: unknown };
  return (code === 'EENVELOPE' || code === 'EMESSAGE') && Number(responseCode) >= 500;
};
