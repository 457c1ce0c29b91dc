import { randomUUID } from 'node:crypto';
import type { Config } from '../../config.ts';
import { emailKey } from '../../lib/email-address.ts';
import { createMailTransport } from '../../mail/smtp.ts';
import { type Finding, runCheck } from './finding.ts';

/** Connects and logs in to the mail server, and sends an email to `recipient` if one is given. */
export const checkMail = (config: Config, recipient: string | undefined): Promise<Finding[]> =>
  runCheck('mail', async ({ ok, problem }) => {
    const transport = createMailTransport(config);
    if (!transport) {
      if (recipient === undefined) return ok('no mail server is configured; emails are shown at /dev/mails');
      return problem('SMTP_URL is not set, so no test email can be sent');
    }
    try {
      await transport.verify();
      ok(`${new URL(config.SMTP_URL ?? '').host} accepts ${hasLogin(config) ? 'the login' : 'connections'}`);
      if (recipient === undefined) return;
      if (emailKey(recipient) === undefined) return problem(`${recipient} is not a valid email address; no test email was sent`);
      await transport.send(testEmail(recipient, config));
      ok(`the mail server has accepted a test email to ${recipient}`);
    } catch (error) {
      problem(explain(error as SmtpError));
    } finally {
      transport.close();
    }
  });

const hasLogin = ({ SMTP_URL = '' }: Config) => new URL(SMTP_URL).username !== '';

function testEmail(to: string, { PUBLIC_URL }: Config) {
  const text = `This is a test email of Fieldgate at ${PUBLIC_URL}. Its mail settings work.`;
  return { to, subject: 'Test email', text, html: `<p>${text}</p>`, messageId: `<${randomUUID()}@${new URL(PUBLIC_URL).hostname}>` };
}

type SmtpError = Error & { readonly code?: string; readonly command?: string; readonly responseCode?: number };

/** The reason for which the mail server cannot be used. */
function explain({ code = '', command, responseCode, message }: SmtpError): string {
  if (command === 'MAIL FROM')
    return `MAIL_FROM: the mail server rejects the sender (${responseCode}); use an address that it may send from`;
  if (command === 'RCPT TO' || code === 'EENVELOPE') return `the mail server rejects the recipient of the test email (${responseCode})`;
  const known = smtpErrors[code];
  return known ? `SMTP_URL: ${known}` : `SMTP_URL: the mail server cannot be used: ${message.split('\n', 1)[0]}`;
}

// https://nodemailer.com/errors
const smtpErrors: Record<string, string> = {
  EAUTH: 'the mail server rejects the user or the password',
  ENOAUTH: 'the mail server needs a user and a password',
  ECONNECTION: 'no mail server listens there; check the host and the port, and the firewall',
  ECONNREFUSED: 'no mail server listens there; check the host and the port, and the firewall',
  ESOCKET: 'the connection to the mail server failed; check the host, the port, and whether it is smtp or smtps',
  ETIMEDOUT: 'the mail server does not respond; check the host, the port, and whether it is smtp or smtps',
  EDNS: 'the host does not exist',
  ETLS: 'the mail server does not support TLS as configured, or its certificate is not trusted',
};
