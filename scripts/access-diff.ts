import { print, type Rule } from '../src/authorization/rules/rule.ts';
import { anyone } from '../src/policy/conditions.ts';
import { compareRules } from './access-comparison.ts';
import { rulesByCoordinate } from './access-coordinates.ts';
import { changedCells, lostColumns } from './access-table.ts';

/** One state of the project: its schema, its access table if it has one, and the name of the state. */
export interface State {
  readonly name: string;
  readonly schema: string;
  readonly table: string | undefined;
}

/** The change of a coordinate: `same` if its rule is written differently and gives every caller the same access. */
type Verdict = 'widened' | 'narrowed' | 'same' | 'new' | 'gone';

export interface Finding {
  readonly coordinate: string;
  readonly verdict: Verdict;
  /** The details for a reviewer. */
  readonly details: readonly string[];
}

export interface Comparison {
  readonly findings: readonly Finding[];
  /** What was not compared, and why. */
  readonly omissions: readonly string[];
}

/** Compares two states by who has access according to the rules, and by the executed tables. */
export function compareStates(before: State, now: State): Comparison {
  const [old, current] = [rulesIn(before), rulesIn(now)];
  const coordinates = [...new Set([...old.keys(), ...current.keys()])].sort();
  const { findings, omissions } = compareTables(before, now);
  const byCoordinate = Map.groupBy(
    [...coordinates.flatMap((coordinate) => compareCoordinate(coordinate, old, current)), ...findings],
    ({ coordinate }) => coordinate,
  );
  return {
    findings: [...byCoordinate.values()].map(merge).sort((a, b) => rank(a) - rank(b) || (a.coordinate < b.coordinate ? -1 : 1)),
    omissions,
  };
}

type Rules = ReadonlyMap<string, Rule | undefined>;

const rulesIn = ({ schema, name }: State): Rules => rulesByCoordinate(schema, `schema.graphql of ${name}`);

function compareCoordinate(coordinate: string, old: Rules, current: Rules): Finding[] {
  const [before, now] = [old.get(coordinate), current.get(coordinate)];
  if (!before && !now) return [];
  if (!old.has(coordinate)) return [{ coordinate, verdict: 'new', details: [`now:    ${textOf(now)}`] }];
  if (!current.has(coordinate)) return [{ coordinate, verdict: 'gone', details: [`before: ${textOf(before)}`] }];
  if (textOf(before) === textOf(now)) return [];
  const { gains, losses, undetermined } = compareRules(coordinate, before ?? open, now ?? open);
  const otherwise = losses.length > 0 ? 'narrowed' : 'same';
  const details = [
    `before: ${textOf(before)}`,
    `now:    ${textOf(now)}`,
    ...undetermined.map((problem) => `? cannot be compared: ${problem}`),
    ...gains.map((gain) => `+ ${gain}`),
    ...losses.map((loss) => `- ${loss}`),
  ];
  return [{ coordinate, verdict: gains.length + undetermined.length > 0 ? 'widened' : otherwise, details }];
}

/** An element without a rule, such as most arguments, is open to everyone who reaches it. */
const open = anyone('no separate rule');
const textOf = (rule: Rule = open) => print(rule);

function compareTables(before: State, now: State): Comparison {
  const file = 'docs/AUTHORIZATION.md';
  if (before.table === undefined)
    return { findings: [], omissions: [`${file} is not in ${before.name}: the executed tables were not compared.`] };
  if (now.table === undefined) throw new Error(`${file} is in ${before.name} but not in ${now.name}: run npm run access.`);
  const findings = changedCells(before.table, now.table).map(({ coordinate, change, isAllowed }): Finding => {
    const [verdict, sign] = isAllowed ? (['widened', '+'] as const) : (['narrowed', '-'] as const);
    return { coordinate, verdict, details: [`${sign} executed, ${change}`] };
  });
  const omissions = lostColumns(before.table, now.table).map((column) => `The column ${column} of ${file} no longer exists: not compared.`);
  return { findings, omissions };
}

/** The finding by rule and the finding by execution for one coordinate, as one: the more serious verdict of the two. */
function merge(findings: readonly Finding[]): Finding {
  const [worst] = [...findings].sort((a, b) => rank(a) - rank(b));
  return { ...(worst as Finding), details: findings.flatMap(({ details }) => details) };
}

const order: readonly Verdict[] = ['widened', 'narrowed', 'same', 'new', 'gone'];
const rank = ({ verdict }: Finding) => order.indexOf(verdict);
