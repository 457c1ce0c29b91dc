import { print, type Rule } from '../../src/authorization/rules/rule.ts';
import { policy } from '../../src/policy/policy.ts';
import { access } from './access.ts';
import { personas, type Verdict } from './matrix-truth.ts';

/** One line of the matrix: a place in the schema, whom it is about, and what each persona gets. */
export interface Line {
  readonly coordinate: string;
  readonly subject: string;
  /** In the order of the personas; undefined where the persona does not get as far. */
  readonly verdicts: readonly (Verdict | undefined)[];
}

/** Who stands behind the name of a persona, where the name does not say it. */
const who: Readonly<Record<string, string>> = {
  anonymous: 'nobody; no token came with the request',
  self: 'the user whom the line is about; where it is about nobody in particular, any user',
  'other user': 'a user who has nothing to do with the line',
  reader:
    'a user whose role in the domain permits to read (`users:read`, `roles:read`, `domains:read`), by a grant that may be passed on once',
  'domain admin': 'an ADMIN of the domain',
  'foreign domain admin': 'an ADMIN of another domain',
  'parent domain admin': 'an ADMIN of the parent of the domain',
  admin: 'a platform ADMIN',
  superadmin: 'a SUPERADMIN',
};

const firstWord = (text: string) => text.split(' ', 1)[0] ?? '';

/** The first word of each persona, or all of it where two begin alike. */
const columns = personas.map((persona) =>
  personas.filter((other) => firstWord(other) === firstWord(persona)).length > 1 ? persona : firstWord(persona),
);

const legend = `# Who gets what

Every place of the schema, asked by every kind of caller: each verdict was obtained by a real operation. \`npm run access\` writes this file and
\`npm test\` compares it; nobody edits it. Review a line that changes as you review code.

| sign | verdict | error code |
| :-: | --- | --- |
| ✔ | allowed | |
| – | denied | \`FORBIDDEN\` |
| ∅ | does not exist: null, or absent from the list | \`NOT_FOUND\` |
| ⊘ | denied, sign in first | \`UNAUTHENTICATED\` |
| ↻ | prove again who you are | \`REAUTHENTICATION_REQUIRED\` |
| ! | nobody does this to themselves | \`SELF_ACTION_FORBIDDEN\` |
| | not reached: what leads there was not given | |

Who asks:

${personas.map((persona, at) => `- **${columns[at]}**: ${who[persona] ?? persona}`).join('\n')}

Whom a line is about: a **user** who is a member of the domain; its **domain admin**; an **admin** and a **superadmin** of the platform who are
members of it. "elsewhere" is the same user's, but outside of the domain.

The rule stands in the first line of a place; \`=\` says that it is the rule of the type. What its words mean:

| word | the viewer … |
| --- | --- |
${Object.entries(policy.conditions)
  .map(([word, { label }]) => `| \`${word}\` | ${label} |`)
  .join('\n')}

Ranks: SUPERADMIN, then ADMIN everywhere, then everybody else. Ranks do not imply permissions, nor permissions ranks.`;

/** The matrix as a document that people read. */
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
  return [`## ${type}`, ...(own ? [`The type: ${code(own)}`] : []), table([['place', 'about', ...columns, 'rule'], ...rows])].join('\n\n');
}

const code = (rule: Rule) => `\`${print(rule)}\``;

function ruleAt(coordinate: string, ofType: Rule | undefined): string {
  const rule = access.rules.get(coordinate);
  if (!rule) return '';
  return ofType && print(rule) === print(ofType) ? '=' : code(rule);
}

/** A table whose columns stand below each other as text too; the last one, the widest, is as wide as it is. */
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
