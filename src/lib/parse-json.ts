const maxDepth = 32; // inputs of the API are at most 6 deep, and graphql-js coerces values recursively
const specialNames = new Set(['__proto__', 'constructor', 'prototype']); // security.md 16.6

/**
 * Parses untrusted JSON. Undefined if it is malformed, repeats a member, has a member with a special name, is nested too deep, or contains text that
 * cannot be stored (security.md 1.4, 16.6).
 */
export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return countMembers(value, maxDepth) === countNames(text) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The number of members of all objects in the value; NaN, which equals nothing, if it contains something that is rejected. */
function countMembers(value: unknown, depth: number): number {
  if (typeof value === 'string') return isStorableText(value) ? 0 : Number.NaN;
  if (typeof value !== 'object' || value === null) return 0;
  if (depth === 0) return Number.NaN;
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + countMembers(item, depth - 1), 0);
  const names = Object.keys(value);
  if (names.some((name) => specialNames.has(name) || !isStorableText(name))) return Number.NaN;
  return names.reduce((sum, name) => sum + countMembers((value as Record<string, unknown>)[name], depth - 1), names.length);
}

/** The number of members in valid JSON text. JSON.parse keeps only the last one of repeated members. */
function countNames(text: string): number {
  let count = 0;
  for (let start = text.indexOf('"'); start !== -1; start = text.indexOf('"', start)) {
    let end = text.indexOf('"', start + 1);
    while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
    start = end + 1;
    while (text.charCodeAt(start) <= 0x20) start += 1;
    if (text[start] === ':') count += 1;
  }
  return count;
}

function isEscaped(text: string, index: number): boolean {
  let start = index;
  while (text[start - 1] === '\\') start -= 1;
  return (index - start) % 2 === 1;
}

/** True if PostgreSQL can store the text: no unpaired surrogates, no U+0000. */
export const isStorableText = (text: string) => text.isWellFormed() && !text.includes('\u0000');
