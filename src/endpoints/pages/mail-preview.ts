import type { Config } from '../../config.ts';
import { type Html, html } from '../../lib/html.ts';
import type { RenderedEmail } from '../../mail/render.ts';
import { type Endpoint, type EndpointRequest, sendHtml } from '../../transport/http/endpoint.ts';
import { layout, policy, styles } from './layout.ts';

const newest = 100;

/** Where a letter is looked at, as text and, below it, as HTML. */
export const mailPreviewPath = /^\/dev\/mails\/([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})(\/html)?$/;

const who = { userId: true, address: true, emailKey: true, user: { select: { email: true } } } as const;

/** `GET /dev/mails`: what a server without a mail server would have sent. It stands open, so there is none in production. */
export const mailPreviewList: Endpoint = answered(async ({ services: { db }, response }) => {
  const mails = await db.prisma.mail.findMany({
    where: { outcome: 'shown' },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    take: newest,
    select: { id: true, shown: true, createdAt: true, ...who },
  });
  const items = mails.map(
    (mail) => html`<li><a href="mails/${mail.id}">${subjectOf(mail)}</a><br>to ${addressOf(mail)}, ${mail.createdAt.toISOString()}</li>`,
  );
  const content = items.length > 0 ? html`<ul>\n${items}\n</ul>` : html`<p>None yet.</p>`;
  sendHtml(response, 200, layout(`../${styles.opened}`, 'Letters', 'Letters', [content]), { 'content-security-policy': policy });
});

/** `GET /dev/mails/<id>`: one of them. */
export const mailPreview: Endpoint = answered(async ({ services: { db, config }, guard, request, response }) => {
  const [, id = '', asHtml] = mailPreviewPath.exec(request.url?.split('?', 1)[0] ?? '') ?? [];
  const mail = await db.prisma.mail.findFirst({ where: { id, outcome: 'shown' }, select: { id: true, shown: true, ...who } });
  if (!mail) return guard.refuse(response, 404, 'NOT_FOUND');
  const shown = mail.shown as unknown as RenderedEmail;
  if (asHtml) return sendHtml(response, 200, { html: shown.html }, { 'content-security-policy': ofLetter });
  const content = [
    html`<p>To ${addressOf(mail)}. <a href="${id}/html">As HTML</a>, <a href="../mails">all letters</a></p>`,
    html`<pre>${linked(shown.text, config)}</pre>`,
  ];
  sendHtml(response, 200, layout(`../../${styles.opened}`, shown.subject, shown.subject, content), { 'content-security-policy': policy });
});

/** A letter as a mail program shows it: it may be coloured, and nothing else. */
const ofLetter = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; sandbox";

function answered(answer: (exchange: EndpointRequest) => Promise<void>): Endpoint {
  const isOpen = ({ production, SMTP_URL }: Config) => !production && SMTP_URL === undefined;
  return {
    method: 'GET',
    answer: (exchange) =>
      isOpen(exchange.services.config) ? answer(exchange) : exchange.guard.refuse(exchange.response, 404, 'NOT_FOUND'),
  };
}

interface Addressed {
  readonly address: string | null;
  readonly emailKey: string | null;
  readonly user: { readonly email: string } | null;
}

const addressOf = ({ address, emailKey, user }: Addressed) => address ?? user?.email ?? emailKey ?? '';
const subjectOf = ({ shown }: { shown: unknown }) => (shown as RenderedEmail).subject;

/** The text with the addresses of our own pages as links. */
function linked(text: string, { PUBLIC_URL }: Config): Html[] {
  return text.split('\n').map((line) => (line.startsWith(`${PUBLIC_URL}/`) ? html`<a href="${line}">${line}</a>` : html`${line}`));
}
