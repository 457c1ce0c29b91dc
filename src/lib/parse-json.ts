const deepest = 32; // no input of ours is deeper than 6, and graphql-js goes into values by recursion
const meaningful = new Set(['__proto__', 'constructor', 'prototype']); // security.md 16.6

/**
 * The value of a JSON text from outside. Undefined for what is no JSON, names a member twice or by a name that JavaScript gives a meaning,
 * nests too deep, or has text that does not survive storage: an unpaired surrogate, U+0000 (security.md 1.4, 16.6).
 */
export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return membersOf(value, deepest) === countNames(text) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** How many members all objects in the value have; NaN, which equals nothing, where something in it is refused. */
function membersOf(value: unknown, depth: number): number {
  if (typeof value === 'string') return isStorableText(value) ? 0 : Number.NaN;
  if (typeof value !== 'object' || value === null) return 0;
  if (depth === 0) return Number.NaN;
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + membersOf(item, depth - 1), 0);
  const names = Object.keys(value);
  if (names.some((name) => meaningful.has(name) || !isStorableText(name))) return Number.NaN;
  return names.reduce((sum, name) => sum + membersOf((value as Record<string, unknown>)[name], depth - 1), names.length);
}

/** How many members the text, which is JSON, writes down: of two with one name, JSON.parse keeps the last. */
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

function isEscaped(text: string, at: number): boolean {
  let before = at;
  while (text[before - 1] === '\\') before -= 1;
  return (at - before) % 2 === 1;
}

/** Whether the text survives storage as it is. */
export const isStorableText = (text: string) => text.isWellFormed() && !text.includes('\u0000');
