/** A cell of an existing line whose verdict changed. */
export interface ChangedCell {
  readonly coordinate: string;
  readonly change: string;
  /** True if it became ✔, false if it was. */
  readonly isAllowed: boolean;
}

const allowed = '✔';

/** The cells that became ✔, or are no longer ✔, between two versions of docs/AUTHORIZATION.md. */
export function changedCells(before: string, now: string): ChangedCell[] {
  const current = linesOf(now);
  return [...linesOf(before)].flatMap(([key, old]) => {
    const line = current.get(key);
    return [...(line?.cells ?? [])].flatMap(([column, cell]) => {
      const was = old.cells.get(column);
      if (was === undefined || was === cell || (was !== allowed && cell !== allowed)) return [];
      const about = old.about && ` about ${old.about}`;
      const change = `${column}${about}: ${was || 'not reached'} became ${cell || 'not reached'}`;
      return [{ coordinate: old.coordinate, change, isAllowed: cell === allowed }];
    });
  });
}

/** The columns of the first version that the second does not have, so that they are not compared. */
export function lostColumns(before: string, now: string): string[] {
  const current = columnsOf(now);
  return [...columnsOf(before)].filter((column) => !current.has(column));
}

const columnsOf = (text: string) => new Set([...linesOf(text).values()].flatMap(({ cells }) => [...cells.keys()]));

interface Line {
  readonly coordinate: string;
  readonly about: string;
  readonly cells: ReadonlyMap<string, string>;
}

/** The lines of the tables, as `test/matrix/print.ts` writes them: place, about, a column per persona, rule. */
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
