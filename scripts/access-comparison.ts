import { type Condition, conditionsOf, evaluate, print, type Rule } from '../src/authorization/rules/rule.ts';
import { policy } from '../src/policy/policy.ts';
import { meetsByName } from '../test/matrix/expected-verdicts.ts';
import { type Persona, personas, type RowKind } from '../test/matrix/personas.ts';

/** The effect of a changed rule: which callers gain and lose access to which rows, or why that cannot be determined. */
export interface RuleComparison {
  readonly gains: readonly string[];
  readonly losses: readonly string[];
  readonly undetermined: readonly string[];
}

/** Compares two rules of one coordinate for every caller, every way to authenticate and every kind of row. */
export function compareRules(coordinate: string, before: Rule, now: Rule): RuleComparison {
  const conditions = [...new Map([...conditionsOf(before), ...conditionsOf(now)].map((one) => [print(one), one])).values()];
  const rows = kindsAt(coordinate);
  const undetermined = conditions.flatMap((condition) => problemOf(condition, rows));
  if (undetermined.length > 0) return { gains: [], losses: [], undetermined };
  const credentials = credentialsFor(conditions);
  const changes = callersFor(conditions).flatMap((caller) =>
    (caller.isAnonymous ? credentials.slice(0, 1) : credentials).map((credential) => {
      const isAllowed = (rule: Rule, kind: RowKind) =>
        evaluate(rule, (condition) => credential.keeps(condition) && caller.meets(condition, kind)) === true;
      const gained = rows.filter((kind) => isAllowed(now, kind) && !isAllowed(before, kind));
      const lost = rows.filter((kind) => !isAllowed(now, kind) && isAllowed(before, kind));
      return { caller, credential, gained, lost };
    }),
  );
  const every = { sessions: credentials.filter(({ isSession }) => isSession), rows: rows.length };
  return {
    gains: describeChanges(
      changes.map(({ gained, ...change }) => ({ ...change, rows: gained })),
      every,
    ),
    losses: describeChanges(
      changes.map(({ lost, ...change }) => ({ ...change, rows: lost })),
      every,
    ),
    undetermined,
  };
}

const typeOf = (coordinate: string) => coordinate.split('.', 1)[0] ?? '';

/** The type of each kind of row, undefined for users and what belongs to them. The compiler reports a kind that is missing. */
const typeOfKind: Record<RowKind, string | undefined> = {
  user: undefined,
  'user, elsewhere': undefined,
  'user, by a superadmin': undefined,
  'domain admin': undefined,
  admin: undefined,
  superadmin: undefined,
  'held role': 'Role',
  'other role': 'Role',
  'active domain': 'Domain',
  'inactive domain': 'Domain',
  'the granter': undefined,
};
const kinds = Object.keys(typeOfKind) as RowKind[];

/** The kinds of row that a coordinate can be about: those of its type or of what it filters; any for a root field or an input. */
function kindsAt(coordinate: string): RowKind[] {
  const type = typeOf(coordinate);
  if (/^(Query|Mutation|Subscription)$|(Input|Payload|Connection|Edge)$/.test(type)) return kinds;
  const own = kinds.filter((kind) => typeOfKind[kind] === type.replace(/(Filter|Order)$/, ''));
  return own.length > 0 ? own : kinds.filter((kind) => typeOfKind[kind] === undefined);
}

/** Why a condition cannot be compared: only the policy or only the truth table knows it. */
function problemOf(condition: Condition, rows: readonly RowKind[]): string[] {
  if (!isMet(condition, ignoresArgument(condition) ? kinds : rows))
    return [`"${print(condition)}" is met by no persona in the truth table (test/matrix/expected-verdicts.ts) for such a row`];
  return Object.hasOwn(policy.conditions, condition.is) ? [] : [`"${print(condition)}" is not a condition (src/policy/conditions.ts)`];
}

const isMet = (condition: Condition, rows: readonly RowKind[]) =>
  personas.some((persona) => rows.some((kind) => meetsByName(condition, persona, { type: '', kind })));

/** True if the truth table decides the condition without its argument, so that callers with another argument look the same. */
const ignoresArgument = (condition: Condition) =>
  condition.of !== undefined && !decidedElsewhere.includes(condition.is) && isMet({ ...condition, of: '' }, kinds);

/** Conditions whose argument the truth table need not know: it is a reason, or is compared here, by credential. */
const decidedElsewhere = ['anyone', 'scope'];

interface Caller {
  readonly label: string;
  readonly isAnonymous: boolean;
  meets(condition: Condition, kind: RowKind): boolean;
}

/** The personas; and, for conditions whose argument the truth table ignores, other users who meet some of them for every row. */
function callersFor(conditions: readonly Condition[]): Caller[] {
  const byTable = (persona: Persona) => (condition: Condition, kind: RowKind) => meetsByName(condition, persona, { type: '', kind });
  const argumentIgnored = conditions.filter(ignoresArgument).map(print);
  return [
    ...(conditions.some(isConfirmed) ? [unconfirmed] : []),
    ...personas.map((persona) => ({ label: persona as string, isAnonymous: persona === 'anonymous', meets: byTable(persona) })),
    ...subsets(argumentIgnored)
      .filter((set) => set.length > 0)
      .map((set) => ({
        label: `callers with ${set.join(' and ')}`,
        isAnonymous: false,
        meets: (condition: Condition, kind: RowKind) =>
          argumentIgnored.includes(print(condition)) ? set.includes(print(condition)) : byTable('other user')(condition, kind),
      })),
  ];
}

const isConfirmed = ({ is }: Condition) => is === 'confirmed';

/** All personas of the truth table have confirmed addresses. */
const unconfirmed: Caller = {
  label: 'callers with an unconfirmed address',
  isAnonymous: false,
  meets: (condition, kind) => !isConfirmed(condition) && meetsByName(condition, 'other user', { type: '', kind }),
};

const subsets = <T>(items: readonly T[]): T[][] =>
  Array.from({ length: 2 ** items.length }, (_, bits) => items.filter((__, index) => bits & (1 << index)));

/** A way to authenticate, which takes some conditions away from every caller. */
interface Credential {
  readonly label: string;
  readonly isSession: boolean;
  keeps(condition: Condition): boolean;
}

/** The personas of the truth table use a fresh session. Others use an older one, or an API token with some of the scopes. */
function credentialsFor(conditions: readonly Condition[]): Credential[] {
  const scopes = [...new Set(conditions.flatMap(({ is, of = '' }) => (is === 'scope' ? [of] : [])))];
  return [
    { label: 'a fresh session', isSession: true, keeps: () => true },
    { label: 'an older session', isSession: true, keeps: ({ is }) => is !== 'fresh' },
    ...subsets(scopes).map((set) => ({
      label: scopes.length === 0 ? 'an API token' : `an API token for ${set.join(' and ') || 'none of these scopes'}`,
      isSession: false,
      keeps: ({ is, of = '' }: Condition) => is !== 'fresh' && is !== 'session' && (is !== 'scope' || set.includes(of)),
    })),
  ];
}

interface Change {
  readonly caller: Caller;
  readonly credential: Credential;
  readonly rows: readonly RowKind[];
}

/** One line for all callers with the same change; the credential is named unless any session has the effect. */
function describeChanges(changes: readonly Change[], every: { readonly sessions: readonly Credential[]; readonly rows: number }): string[] {
  const real = changes.filter(({ rows }) => rows.length > 0);
  const alike = [...Map.groupBy(real, ({ caller, rows }) => `${caller.label}\n${rows.join('; ')}`).values()];
  const sentences = alike.map((same) => {
    const [{ caller, rows }] = same as [Change];
    const credentials = same.map(({ credential }) => credential);
    const isAnySession = caller.isAnonymous || every.sessions.every((session) => credentials.includes(session));
    const by = isAnySession ? '' : `, with ${credentials.map(({ label }) => label).join(' or ')}`;
    return { caller: caller.label, change: `${rows.length === every.rows ? 'every row' : rows.join('; ')}${by}` };
  });
  return [...Map.groupBy(sentences, ({ change }) => change)].map(
    ([change, same]) => `${same.map(({ caller }) => caller).join(', ')}: ${change}`,
  );
}
