import { personas, type Verdict } from './matrix-truth.ts';

/** One line of the matrix: a place in the schema, whom it is about, and what each persona gets. */
export interface Line {
  readonly coordinate: string;
  readonly subject: string;
  /** In the order of the personas; undefined where the persona does not get as far. */
  readonly verdicts: readonly (Verdict | undefined)[];
}

const legend = `
Who gets what, at every place of the schema. Each verdict was obtained by a real operation; review a line that changes as you review code.

  ✔ allowed   – denied (FORBIDDEN)   ∅ does not exist (NOT_FOUND, null, absent)   ⊘ denied, sign in first (UNAUTHENTICATED)
  ↻ prove again who you are (REAUTHENTICATION_REQUIRED)   ! nobody does this to themselves   (blank) not reached

Who asks: nobody; the user whom the line is about; another user; an ADMIN of the domain, of a foreign one, and of the parent of the domain;
a platform ADMIN; a SUPERADMIN.
Whom a line is about: a user who is a member of the domain; its ADMIN; a platform ADMIN and a SUPERADMIN who are members of it.
"elsewhere": the same user's, but outside of the domain. Where a line is about nobody in particular, self is that user.
`;

const columns = personas.map((persona) => persona.split(' ', 1)[0] as string);

/** The matrix as a text that people read. */
export function print(lines: readonly Line[]): string {
  const sorted = [...lines].sort((a, b) => compare(a.coordinate, b.coordinate));
  const widths = [Math.max(...lines.map((line) => line.coordinate.length)), Math.max(...lines.map((line) => line.subject.length))];
  const row = (place: string, about: string, cells: readonly (string | undefined)[]) =>
    [place.padEnd(widths[0] ?? 0), about.padEnd(widths[1] ?? 0), ...columns.map((column, at) => (cells[at] ?? '').padEnd(column.length))]
      .join('  ')
      .trimEnd();
  const body = sorted.flatMap(({ coordinate, subject, verdicts }, at) => {
    const line = row(coordinate, subject, verdicts);
    return typeOf(coordinate) === typeOf(sorted[at - 1]?.coordinate) ? [line] : ['', line];
  });
  return [legend.trim(), '', row('place', 'about', columns), ...body, ''].join('\n');
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const typeOf = (coordinate = '') => coordinate.split('.', 1)[0];
