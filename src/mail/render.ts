import { escapeHtml } from '../lib/html.ts';
import type { Content, Part } from './templates/template.ts';

export interface RenderedEmail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** Renders an email as plain text and as HTML without images, style sheets or scripts. */
export function renderEmail({ subject, parts }: Content): RenderedEmail {
  const text = `${parts.map(toText).join('\n\n')}\n`;
  const body = parts.map(toHtml).join('\n');
  const html = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${escapeHtml(subject)}</title></head>
<body style="margin:2em auto;max-width:36em;padding:0 1em;font:16px/1.5 sans-serif">
${body}
</body>
</html>
`;
  return { subject: toHeader(subject), text, html };
}

function toText(part: Part): string {
  if (typeof part === 'string') return part;
  return 'url' in part ? `${part.label}:\n${part.url}` : `Code: ${part.code}\nIf the link does not open, enter the code at ${part.page}`;
}

function toHtml(part: Part): string {
  if (typeof part === 'string') return `<p>${escapeHtml(part)}</p>`;
  if ('code' in part) {
    const code = `<p>Code: <strong style="font-size:1.5em;letter-spacing:.1em">${escapeHtml(part.code)}</strong></p>`;
    return `${code}\n<p>If the link does not open, enter the code at ${escapeHtml(part.page)}</p>`;
  }
  const { url, label } = part;
  return `<p><a href="${escapeHtml(url)}">${escapeHtml(label)}</a></p>\n<p>Or open this address: ${escapeHtml(url)}</p>`;
}

/** A subject may quote user input, which must not start another header (security.md 11.9). */
const toHeader = (text: string) => text.replace(/[\r\n]+/g, ' ');
