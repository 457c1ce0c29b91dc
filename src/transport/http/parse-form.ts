/** The parameters of a form; undefined where one stands twice (RFC 6749 §3.2), or is no UTF-8. One without a value is none. */
export function parseForm(text: string): ReadonlyMap<string, string> | undefined {
  const form = new Map<string, string>();
  for (const part of text.split('&')) {
    const [name, value = ''] = part.split(/=(.*)/s, 2).map(decoded);
    if (name === undefined || value === undefined || form.has(name)) return undefined;
    if (part !== '') form.set(name, value);
  }
  for (const [name, value] of form) if (value === '') form.delete(name);
  return form;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
