/** The same text for values that are equal: the order of the fields of an object means nothing. Undefined fields are left out. */
export const canonicalJson = (value: object): string => JSON.stringify(value, sortFields);

function sortFields(_: string, part: unknown): unknown {
  if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
  return Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)));
}
