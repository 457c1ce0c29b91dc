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
  /** Connects and logs in. Throws the error of the server or of the connection. */
  verify(): Promise<void>;
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
    verify: async () => void (await transport.verify()),
    close: () => transport.close(),
  };
}

interface SmtpError {
  readonly code?: unknown;
  readonly command?: unknown;
  readonly responseCode?: unknown;
  readonly response?: unknown;
}

/** The replies that reject the login or require one, or TLS (RFC 4954 §6, RFC 3207 §4). */
const concernsLogin = new Set<unknown>([530, 534, 535, 538]);

/** The replies that concern one email: to its recipient and to its content. 421 is a server that shuts down (RFC 5321 §3.8). */
const concernsEmail = ({ code, command, responseCode }: SmtpError) =>
  (code === 'EENVELOPE' || code === 'EMESSAGE') && command !== 'MAIL FROM' && responseCode !== 421;

/**
 * True if the server rejected this message or recipient permanently, so that a retry would fail too (RFC 5321 §4.2.1). A demand for a login is
 * repeated: it may concern all emails, or only this recipient, who must not be able to stop the others.
 */
export const isPermanentRejection = (error: SmtpError) =>
  concernsEmail(error) && Number(error.responseCode) >= 500 && !concernsLogin.has(error.responseCode);

/**
 * True if the server would accept no other email either. A connection that was lost, or closed by 421, may be due to the email: then the server
 * still accepts connections, and such a recipient must not stop the emails of others.
 */
export async function isServerFailure(transport: MailTransport, error: SmtpError): Promise<boolean> {
  if (concernsEmail(error)) return false;
  if (error.code === 'EAUTH' || (error.responseCode !== undefined && error.responseCode !== 421)) return true;
  return transport.verify().then(
    () => false,
    () => true,
  );
}

/** The fields and the sentence of the log for a failure of the server, with the setting that may be wrong. Replies about a recipient may contain the address. */
export function describeServerFailure(error: SmtpError): { readonly fields: object; readonly message: string } {
  const { code, command, responseCode, response } = error;
  const mayHaveAddress = responseCode === 421 || command === 'RCPT TO' || command === 'DATA';
  const replyText = mayHaveAddress ? undefined : toPrintable(response).slice(0, 200);
  const fields = { code, ...(responseCode !== undefined && { command, replyCode: responseCode, replyText }) };
  if (code === 'EAUTH' || concernsLogin.has(responseCode)) {
    return { fields: { ...fields, setting: 'SMTP_URL' }, message: 'the mail server rejects the login in SMTP_URL, or requires one' };
  }
  if (command === 'MAIL FROM' && Number(responseCode) >= 500) {
    return { fields: { ...fields, setting: 'MAIL_FROM' }, message: 'the mail server rejects the sender MAIL_FROM' };
  }
  if (responseCode !== undefined) return { fields, message: 'the mail server accepts no email at the moment' };
  return { fields: { ...fields, setting: 'SMTP_URL' }, message: 'the mail server of SMTP_URL cannot be reached, or does not offer TLS' };
}

const toPrintable = (reply: unknown) => String(reply).replace(/[^\x20-\x7e]+/g, ' ');
