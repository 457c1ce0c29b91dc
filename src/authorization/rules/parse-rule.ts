import { all, any, type Rule } from './rule.ts';

/** The rule that `print` printed so. Throws what is wrong with the text, and where. */
export function parseRule(text: string): Rule {
  const [rule, end] = parseParts(text, 0);
  if (end < text.length) throw new Error(`"${text}" does not end at character ${end + 1}`);
  return rule;
}

/** What was read, and where the rest begins. */
type Read = readonly [rule: Rule, end: number];

const combine = { ' | ': any, ' & ': all };

/** Parts between equal signs; `print` puts a part with another sign in parentheses. */
function parseParts(text: string, start: number): Read {
  const [first, afterFirst] = parsePart(text, start);
  const sign = text.slice(afterFirst, afterFirst + 3) as keyof typeof combine;
  if (!Object.hasOwn(combine, sign)) return [first, afterFirst];
  const parts: [Rule, ...Rule[]] = [first];
  let end = afterFirst;
  while (text.startsWith(sign, end)) {
    const [part, after] = parsePart(text, end + sign.length);
    parts.push(part);
    end = after;
  }
  return [combine[sign](...parts), end];
}

function parsePart(text: string, start: number): Read {
  if (text[start] === '(') {
    const end = closing(text, start);
    return [parseRule(text.slice(start + 1, end)), end + 1];
  }
  const [is] = /^[a-z]\w*/i.exec(text.slice(start)) ?? [];
  if (is === undefined) throw new Error(`"${text}" has no name at character ${start + 1}`);
  const afterName = start + is.length;
  if (text[afterName] !== '(') return [{ is }, afterName];
  const end = closing(text, afterName);
  return [{ is, of: text.slice(afterName + 1, end) }, end + 1];
}

/** Where the parenthesis that opens at `start` closes; what stands between is free text, with pairs of its own. */
function closing(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (text[at] === '(') depth += 1;
    if (text[at] === ')') depth -= 1;
    if (depth === 0) return at;
  }
  throw new Error(`"${text}" does not close what opens at character ${start + 1}`);
}
