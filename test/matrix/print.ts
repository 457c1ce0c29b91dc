import { print, type Rule } from '../../src/authorization/rules/rule.ts';
import { policy } from '../../src/policy/policy.ts';
import { access } from '../authorization/access.ts';
import type { Verdict } from './expected-verdicts.ts';
import { personas } from './personas.ts';

/** One line of the matrix: a coordinate, the row that it is about, and the verdict of each persona. */
export interface Line {
  readonly coordinate: string;
  readonly subject: string;
  /** In the order of the personas; undefined if the persona does not get that far. */
  readonly verdicts: readonly (Verdict | undefined)[];
}

/** The description of each persona. */
const descriptions: Readonly<Record<string, string>> = {
  anonymous: 'a request without a token',
  self: 'the user that the line is about; any user if it is about none',
  'other user': 'a user who is unrelated to the line',
  reader:
    'a user whose role in the domain has read permissions (`users:read`, `roles:read`, `domains:read`), by a grant that can be delegated once',
  'domain admin': 'an ADMIN of the domain',
  'foreign domain admin': 'an ADMIN of another domain',
  'parent domain admin': 'an ADMIN of the parent of the domain',
  admin: 'a platform ADMIN',
  superadmin: 'a SUPERADMIN',
};

const firstWord = (text: string) => text.split(' ', 1)[0] ?? '';

/** The first word of each persona; the whole name if two share it. */
const columns = personas.map((persona) =>
  personas.filter((other) => firstWord(other) === firstWord(persona)).length > 1 ? persona : firstWord(persona),
);

const legend = `# Access matrix

The verdict of every coordinate of the schema for every kind of caller. Each verdict is the result of a real operation. \`npm run access\` writes this
file and \`npm test\` compares it; do not edit it by hand. Review changed lines as you review code.

| sign | verdict | error code |
| :-: | --- | --- |
| ✔ | allowed | |
| – | denied | \`FORBIDDEN\` |
| ∅ | does not exist: null, or absent from the list | \`NOT_FOUND\` |
| ⊘ | authentication required | \`UNAUTHENTICATED\` |
| ↻ | recent authentication required | \`REAUTHENTICATION_REQUIRED\` |
| ! | not allowed on one's own account | \`SELF_ACTION_FORBIDDEN\` |
| | not reached, because the path to it was denied | |

Callers:

${personas.map((persona, at) => `- **${columns[at]}**: ${descriptions[persona] ?? persona}`).join('\n')}

Subjects: a **user** who is a member of the domain; its **domain admin**; an **admin** and a **superadmin** of the platform who are members of
it. "elsewhere" means a row of the same user outside of the domain.

The rule is in the first line of a coordinate; \`=\` means the rule of the type. Its conditions:

| condition | the viewer … |
| --- | --- |
${Object.entries(policy.conditions)
  .map(([word, { label }]) => `| \`${word}\` | ${label} |`)
  .join('\n')}

Ranks: SUPERADMIN, then ADMIN everywhere, then all others. Ranks and permissions do not imply each other.`;

/** The matrix as a Markdown document. */
export function printMatrix(lines: readonly Line[]): string {
  const sorted = [...lines].sort((a, b) => compare(a.coordinate, b.coordinate));
  const byType = [...Map.groupBy(sorted, ({ coordinate }) => typeOf(coordinate))].sort(([a], [b]) => rootsFirst(a) - rootsFirst(b));
  const contents = byType.map(([type]) => `[${type}](#${type.toLowerCase()})`).join(' · ');
  return `${[legend, contents, ...byType.map(([type, own]) => section(type, own))].join('\n\n')}\n`;
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const typeOf = (coordinate: string) => coordinate.split('.', 1)[0] ?? '';

const roots = ['Query', 'Mutation', 'Subscription'];
const rootsFirst = (type: string) => (roots.includes(type) ? roots.indexOf(type) : roots.length);

function section(type: string, lines: readonly Line[]): string {
  const own = access.rules.get(type);
  const rows = lines.map(({ coordinate, subject, verdicts }, at) => {
    const rule = coordinate === lines[at - 1]?.coordinate ? '' : ruleAt(coordinate, own);
    return [coordinate, subject, ...columns.map((_, column) => verdicts[column] ?? ''), rule];
  });
  return [`## ${type}`, ...(own ? [`Rule of the type: ${code(own)}`] : []), table([['place', 'about', ...columns, 'rule'], ...rows])].join(
    '\n\n',
  );
}

const code = (rule: Rule) => `\`${print(rule)}\``;

function ruleAt(coordinate: string, ofType: Rule | undefined): string {
  const rule = access.rules.get(coordinate);
  if (!rule) return '';
  return ofType && print(rule) === print(ofType) ? '=' : code(rule);
}

/** A table with aligned columns; the last one, which is the widest, is not padded. */
function table([head = [], ...body]: readonly (readonly string[])[]): string {
  const rows = [head, ...body].map((cells) => cells.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = head.map((_, column) => Math.max(3, ...rows.map((cells) => cells[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => (column < cells.length - 1 ? cell.padEnd(widths[column] ?? 0) : cell)).join(' | ')}`
      .trimEnd()
      .concat(' |');
  const rule = head.map((_, column) => (column < head.length - 1 ? '-'.repeat(widths[column] ?? 0) : '---'));
  return [rows[0] ?? [], rule, ...rows.slice(1)].map(line).join('\n');
}
