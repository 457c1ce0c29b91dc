import { print, type Rule } from '../src/authorization/rules/rule.ts';
import { anyone } from '../src/policy/conditions.ts';
import { judge } from './access-judge.ts';
import { placesOf } from './access-places.ts';
import { changedCells, lostColumns } from './access-table.ts';

/** One state of the project: its schema, its executed table where it has one, and what the state is called. */
export interface State {
  readonly name: string;
  readonly schema: string;
  readonly table: string | undefined;
}

/** The change of an element: `same` if the rule is written differently and no caller's rights changed. */
type Verdict = 'widened' | 'narrowed' | 'same' | 'new' | 'gone';

export interface Finding {
  readonly coordinate: string;
  readonly verdict: Verdict;
  /** Lines for the reviewer. */
  readonly says: readonly string[];
}

export interface Comparison {
  readonly findings: readonly Finding[];
  /** Elements that were not compared, and why. */
  readonly omissions: readonly string[];
}

/** Compares two states by which callers their rules allow, and by the executed tables. */
export function compare(before: State, now: State): Comparison {
  const [old, present] = [placesIn(before), placesIn(now)];
  const places = [...new Set([...old.keys(), ...present.keys()])].sort();
  const { cells, omissions } = compareTables(before, now);
  const byPlace = Map.groupBy([...places.flatMap((place) => compareRules(place, old, present)), ...cells], ({ coordinate }) => coordinate);
  return {
    findings: [...byPlace.values()].map(merge).sort((a, b) => rank(a) - rank(b) || (a.coordinate < b.coordinate ? -1 : 1)),
    omissions,
  };
}

type Places = ReadonlyMap<string, Rule | undefined>;

const placesIn = ({ schema, name }: State): Places => placesOf(schema, `schema.graphql of ${name}`);

function compareRules(coordinate: string, old: Places, present: Places): Finding[] {
  const [before, now] = [old.get(coordinate), present.get(coordinate)];
  if (!before && !now) return [];
  if (!old.has(coordinate)) return [{ coordinate, verdict: 'new', says: [`now:    ${said(now)}`] }];
  if (!present.has(coordinate)) return [{ coordinate, verdict: 'gone', says: [`before: ${said(before)}`] }];
  if (said(before) === said(now)) return [];
  const { gains, losses, unjudged } = judge(coordinate, before ?? open, now ?? open);
  const verdict = gains.length + unjudged.length > 0 ? 'widened' : losses.length > 0 ? 'narrowed' : 'same';
  const says = [
    `before: ${said(before)}`,
    `now:    ${said(now)}`,
    ...unjudged.map((doubt) => `? cannot be decided: ${doubt}`),
    ...gains.map((gain) => `+ ${gain}`),
    ...losses.map((loss) => `- ${loss}`),
  ];
  return [{ coordinate, verdict, says }];
}

/** An element that declares no rule, like most arguments, is open. */
const open = anyone('no separate rule');
const said = (rule: Rule = open) => print(rule);

function compareTables(before: State, now: State): { cells: Finding[]; omissions: string[] } {
  const file = 'docs/AUTHORIZATION.md';
  if (before.table === undefined)
    return { cells: [], omissions: [`${file} is not in ${before.name}: the executed tables were not compared.`] };
  if (now.table === undefined) throw new Error(`${file} is in ${before.name} and not in ${now.name}: run npm run access.`);
  const cells = changedCells(before.table, now.table).map(({ coordinate, says, isAllowed }): Finding => {
    const [verdict, sign] = isAllowed ? (['widened', '+'] as const) : (['narrowed', '-'] as const);
    return { coordinate, verdict, says: [`${sign} executed, ${says}`] };
  });
  const omissions = lostColumns(before.table, now.table).map(
    (column) => `The column ${column} of ${file} is no longer there: not compared.`,
  );
  return { cells, omissions };
}

/** What the rule and the executed table say of one place, as one finding: the most that either found. */
function merge(findings: readonly Finding[]): Finding {
  const [worst] = [...findings].sort((a, b) => rank(a) - rank(b));
  return { ...(worst as Finding), says: findings.flatMap(({ says }) => says) };
}

const order: readonly Verdict[] = ['widened', 'narrowed', 'same', 'new', 'gone'];
const rank = ({ verdict }: Finding) => order.indexOf(verdict);
