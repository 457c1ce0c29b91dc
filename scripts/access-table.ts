/** A verdict of an existing line that is another one now. */
export interface Changed {
  readonly coordinate: string;
  readonly says: string;
  /** True where it is ✔ now, false where it was. */
  readonly isAllowed: boolean;
}

const allowed = '✔';

/** The verdicts that became ✔ or are no longer ✔ between two texts of docs/AUTHORIZATION.md. */
export function changedCells(before: string, now: string): Changed[] {
  const present = linesOf(now);
  return [...linesOf(before)].flatMap(([key, old]) => {
    const line = present.get(key);
    return [...(line?.cells ?? [])].flatMap(([column, cell]) => {
      const was = old.cells.get(column);
      if (was === undefined || was === cell || (was !== allowed && cell !== allowed)) return [];
      const about = old.about && ` about ${old.about}`;
      const says = `${column}${about}: ${was || 'not reached'} became ${cell || 'not reached'}`;
      return [{ coordinate: old.coordinate, says, isAllowed: cell === allowed }];
    });
  });
}

/** The columns of one text that the other has not, whose verdicts are therefore not compared. */
export function lostColumns(before: string, now: string): string[] {
  const present = columnsOf(now);
  return [...columnsOf(before)].filter((column) => !present.has(column));
}

const columnsOf = (text: string) => new Set([...linesOf(text).values()].flatMap(({ cells }) => [...cells.keys()]));

interface Line {
  readonly coordinate: string;
  readonly about: string;
  readonly cells: ReadonlyMap<string, string>;
}

/** The lines of the tables, as `test/access/matrix-print.ts` writes them: place, about, a column for each persona, rule. */
function linesOf(text: string): Map<string, Line> {
  const lines = new Map<string, Line>();
  let columns: string[] = [];
  for (const row of text.split('\n').filter((line) => /^\| [^-]/.test(line))) {
    const [coordinate = '', about = '', ...cells] = row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim());
    if (coordinate === 'place') columns = cells.slice(0, -1);
    else if (columns.length > 0)
      lines.set(`${coordinate} ${about}`, { coordinate, about, cells: new Map(columns.map((column, at) => [column, cells[at] ?? ''])) });
  }
  return lines;
}
