/** HTML, as against text. */
export interface Html {
  readonly html: string;
}

type Inserted = string | Html | readonly Html[] | undefined | false;

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text as HTML shows it, also within quotes. */
export const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => entities[character] ?? '');

/** HTML of a template: text that is inserted is escaped, HTML is not. */
export function html(parts: TemplateStringsArray, ...inserted: Inserted[]): Html {
  return { html: parts.map((part, index) => part + toHtml(inserted[index])).join('') };
}

function toHtml(value: Inserted): string {
  if (value === undefined || value === false) return '';
  if (typeof value === 'string') return escapeHtml(value);
  return 'html' in value ? value.html : value.map((one) => one.html).join('\n');
}
