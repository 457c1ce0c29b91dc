/** Parses a form; undefined if a parameter is repeated (RFC 6749 §3.2) or not UTF-8. Parameters without a value are omitted. */
export function parseForm(text: string): ReadonlyMap<string, string> | undefined {
  if (!isPercentEncodedUtf8(text)) return undefined;
  const parameters = new URLSearchParams(text);
  const names = [...parameters.keys()];
  if (new Set(names).size < names.length) return undefined;
  return new Map([...parameters].filter(([, value]) => value !== ''));
}

/** URLSearchParams replaces invalid sequences instead of rejecting them. */
function isPercentEncodedUtf8(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
