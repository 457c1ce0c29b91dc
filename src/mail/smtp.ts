import { createTransport } from 'nodemailer';
import type { Config } from '../config.ts';
import type { RenderedEmail } from './render.ts';

/** A letter with what stands on its envelope. */
interface Sending extends RenderedEmail {
  readonly to: string;
  /** The same however often it is sent, so that a reader sees one. */
  readonly messageId: string;
}

/** Hands letters to a mail server. */
export interface MailTransport {
  send(sending: Sending): Promise<void>;
  close(): void;
}

// Milliseconds for the connection, the greeting, and each silence: all together less than a letter is held for.
const patience = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 20_000, dnsTimeout: 5_000 };

/** The mail server of the settings, over SMTP; undefined where there is none. */
export function createMailTransport({ SMTP_URL, MAIL_FROM }: Pick<Config, 'SMTP_URL' | 'MAIL_FROM'>): MailTransport | undefined {
  if (!SMTP_URL) return undefined;
  // Content is text that we set: none of it is a path or an address to be fetched.
  const transport = createTransport({ url: SMTP_URL, ...patience, disableFileAccess: true, disableUrlAccess: true });
  const headers = { 'auto-submitted': 'auto-generated', 'x-auto-response-suppress': 'All' }; // RFC 3834 §5
  return {
    send: async (sending) => void (await transport.sendMail({ from: MAIL_FROM, headers, ...sending })),
    close: () => transport.close(),
  };
}

/** Whether the server has said that this letter, to this address, will never be taken: trying again would change nothing (RFC 5321 §4.2.1). */
export const isPermanentRejection = (error: unknown) => {
  const { code, responseCode } = error as { code?: unknown; responseCode?: unknown };
  return (code === 'EENVELOPE' || code === 'EMESSAGE') && Number(responseCode) >= 500;
};
