/** A fragment of HTML, which is not escaped again. */
export interface Html {
  readonly html: string;
}

type Interpolation = string | Html | readonly Html[] | undefined | false;

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Escapes text for HTML content and quoted attributes. */
export const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => entities[character] ?? '');

/** Template tag for HTML: interpolated text is escaped, interpolated HTML is not. */
export function html(parts: TemplateStringsArray, ...values: Interpolation[]): Html {
  return { html: parts.map((part, index) => part + toHtml(values[index])).join('') };
}

function toHtml(value: Interpolation): string {
  if (value === undefined || value === false) return '';
  if (typeof value === 'string') return escapeHtml(value);
  return 'html' in value ? value.html : value.map((fragment) => fragment.html).join('\n');
}
