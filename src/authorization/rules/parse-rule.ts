import { all, any, type Rule } from './rule.ts';

/** Parses the text that `print` makes of a rule. Throws what is wrong with the text, and where. */
export function parseRule(text: string): Rule {
  const { rule, end } = parseParts(text, 0);
  if (end < text.length) throw new Error(`"${text}" should end at character ${end + 1}`);
  return rule;
}

/** A parsed part, and where the rest begins. */
interface Parsed {
  readonly rule: Rule;
  readonly end: number;
}

const combine = { ' | ': any, ' & ': all };

/** Parts between operators of one kind; `print` puts a part with the other operator in parentheses. */
function parseParts(text: string, start: number): Parsed {
  const first = parsePart(text, start);
  const operator = text.slice(first.end, first.end + 3) as keyof typeof combine;
  if (!Object.hasOwn(combine, operator)) return first;
  const parts: [Rule, ...Rule[]] = [first.rule];
  let { end } = first;
  while (text.startsWith(operator, end)) {
    const next = parsePart(text, end + operator.length);
    parts.push(next.rule);
    end = next.end;
  }
  return { rule: combine[operator](...parts), end };
}

function parsePart(text: string, start: number): Parsed {
  if (text[start] === '(') {
    const end = closingParenthesis(text, start);
    return { rule: parseRule(text.slice(start + 1, end)), end: end + 1 };
  }
  const is = /^[a-z]\w*/i.exec(text.slice(start))?.[0];
  if (is === undefined) throw new Error(`"${text}" has no condition at character ${start + 1}`);
  const afterName = start + is.length;
  if (text[afterName] !== '(') return { rule: { is }, end: afterName };
  const end = closingParenthesis(text, afterName);
  return { rule: { is, of: text.slice(afterName + 1, end) }, end: end + 1 };
}

/** The position of the parenthesis that closes the one at `start`. The text between is free, with its own pairs of parentheses. */
function closingParenthesis(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (text[at] === '(') depth += 1;
    if (text[at] === ')') depth -= 1;
    if (depth === 0) return at;
  }
  throw new Error(`"${text}" does not close the parenthesis at character ${start + 1}`);
}
