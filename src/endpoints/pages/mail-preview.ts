import type { Config } from '../../config.ts';
import { type Html, html } from '../../lib/html.ts';
import type { RenderedEmail } from '../../mail/render.ts';
import { type Endpoint, sendHtml } from '../../transport/http/endpoint.ts';
import { contentSecurityPolicy, layout, stylesheets } from './layout.ts';

const maxEmails = 100;

/** An email as text or, with `/html`, as HTML. */
export const mailPreviewPath = /^\/dev\/mails\/(?<id>[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})(?<asHtml>\/html)?$/;

const recipientColumns = {
  userId: true,
  address: true,
  emailKey: true,
  user: { select: { email: true } },
  invitation: { select: { email: true } },
} as const;

/** `GET /dev/mails`: the emails that were not sent because there is no mail server. Not protected, so disabled in production. */
export const mailPreviewList = inDevelopment(async ({ services: { db }, response }) => {
  const emails = await db.prisma.outboxEmail.findMany({
    where: { outcome: 'previewed' },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    take: maxEmails,
    select: { id: true, preview: true, createdAt: true, ...recipientColumns },
  });
  const items = emails.map(({ id, preview, createdAt, ...recipient }) => {
    const { subject } = preview as unknown as RenderedEmail;
    return html`<li><a href="mails/${id}">${subject}</a><br>to ${addressOf(recipient)}, ${createdAt.toISOString()}</li>`;
  });
  const content = items.length > 0 ? html`<ul>\n${items}\n</ul>` : html`<p>No emails yet.</p>`;
  const page = layout(`../${stylesheets.page}`, 'Emails', 'Emails', [content]);
  sendHtml(response, 200, page, { 'content-security-policy': contentSecurityPolicy });
});

/** `GET /dev/mails/<id>`: one of them. */
export const mailPreview = inDevelopment(async ({ services: { db, config }, guard, request, response }) => {
  const { id = '', asHtml } = mailPreviewPath.exec(request.url?.split('?', 1)[0] ?? '')?.groups ?? {};
  const email = await db.prisma.outboxEmail.findFirst({
    where: { id, outcome: 'previewed' },
    select: { id: true, preview: true, ...recipientColumns },
  });
  if (!email) return guard.rejectRequest(response, 404, 'NOT_FOUND');
  const rendered = email.preview as unknown as RenderedEmail;
  if (asHtml) return sendHtml(response, 200, { html: rendered.html }, { 'content-security-policy': emailPolicy });
  const content = [
    html`<p>To ${addressOf(email)}. <a href="${id}/html">View as HTML</a> or <a href="../mails">list all emails</a>.</p>`,
    html`<pre>${withLinks(rendered.text, config)}</pre>`,
  ];
  const page = layout(`../../${stylesheets.page}`, rendered.subject, rendered.subject, content);
  sendHtml(response, 200, page, { 'content-security-policy': contentSecurityPolicy });
});

/** As mail programs show an HTML email: with its inline styles, and nothing else. */
const emailPolicy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; sandbox";

function inDevelopment(respond: Endpoint['respond']): Endpoint {
  return { method: 'GET', isEnabled: ({ production, SMTP_URL }: Config) => !production && SMTP_URL === undefined, respond };
}

interface Recipient {
  readonly address: string | null;
  readonly emailKey: string | null;
  readonly user: { readonly email: string } | null;
  readonly invitation: { readonly email: string } | null;
}

const addressOf = ({ address, emailKey, user, invitation }: Recipient) => address ?? user?.email ?? invitation?.email ?? emailKey ?? '';

/** Turns lines that are URLs of this server into links. */
const withLinks = (text: string, { PUBLIC_URL }: Config): Html[] =>
  text.split('\n').map((line) => (line.startsWith(`${PUBLIC_URL}/`) ? html`<a href="${line}">${line}</a>` : html`${line}`));
