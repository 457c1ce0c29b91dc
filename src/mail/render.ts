import { escapeHtml } from '../lib/html.ts';
import type { Content, Part } from './templates/template.ts';

/** A letter as it is sent. */
export interface RenderedEmail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** Sets a letter as plain text and as HTML that needs no picture, style sheet or script. */
export function renderEmail({ subject, parts }: Content): RenderedEmail {
  const text = `${parts.map(asText).join('\n\n')}\n`;
  const body = parts.map(asHtml).join('\n');
  const html = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${escapeHtml(subject)}</title></head>
<body style="margin:2em auto;max-width:36em;padding:0 1em;font:16px/1.5 sans-serif">
${body}
</body>
</html>
`;
  return { subject: oneLine(subject), text, html };
}

function asText(part: Part): string {
  if (typeof part === 'string') return part;
  return 'url' in part ? `${part.label}:\n${part.url}` : `Code: ${part.code}`;
}

function asHtml(part: Part): string {
  if (typeof part === 'string') return `<p>${escapeHtml(part)}</p>`;
  if ('code' in part) return `<p>Code: <strong style="font-size:1.5em;letter-spacing:.1em">${escapeHtml(part.code)}</strong></p>`;
  const { url, label } = part;
  return `<p><a href="${escapeHtml(url)}">${escapeHtml(label)}</a></p>\n<p>Or open this address: ${escapeHtml(url)}</p>`;
}

/** A subject is a header: whatever it quotes cannot begin another one (security.md 11.9). */
const oneLine = (text: string) => text.replace(/[\r\n]+/g, ' ');
