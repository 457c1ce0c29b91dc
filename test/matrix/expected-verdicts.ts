import { evaluate, type Rule } from '../../src/authorization/rules/rule.ts';
import { ruleOf } from '../authorization/access.ts';
import { type Persona, personas, type Row, type RowKind, type RowRef } from './personas.ts';

// Which conditions each persona meets, written by hand: what the matrix expects does not come from the code that it tests.

/** Names of conditions, separated by spaces. */
type ConditionsByPersona = Partial<Record<Persona, string>>;

const authenticated = 'anyone signedIn session fresh confirmed scope reached';
const administering = `${authenticated} administers`;

/** The conditions that each persona meets regardless of the row. */
const metAlways: Record<Persona, string> = {
  anonymous: 'anyone',
  self: authenticated,
  'other user': authenticated,
  reader: `${authenticated} delegates`,
  'domain admin': administering,
  'foreign domain admin': administering,
  'parent domain admin': administering,
  admin: `${administering} admin`,
  superadmin: `${administering} admin superadmin`,
};

/** The conditions that `self` meets as well, by the rank of the subject. */
const metByOwnRank: Partial<Record<RowKind, string>> = {
  'domain admin': 'administers',
  admin: 'administers admin',
  superadmin: 'administers admin superadmin',
};

/** The conditions that each persona meets on a plain user, and on the rows of that user in the domain. */
const metOnPlainUser: ConditionsByPersona = {
  self: 'self owner',
  reader: 'may',
  'domain admin': 'domainAdmin exclusive',
  'parent domain admin': 'domainAdmin exclusive',
  admin: 'outranks owner',
  superadmin: 'outranks owner',
};

/** The conditions that each persona meets on each kind of row. */
const metOnRow: Record<RowKind, ConditionsByPersona> = {
  user: metOnPlainUser,
  'user, elsewhere': { self: 'self owner', admin: 'outranks owner', superadmin: 'outranks owner' },
  'user, by a superadmin': metOnPlainUser,
  'domain admin': { self: 'self owner', admin: 'outranks owner', superadmin: 'outranks owner' },
  admin: { self: 'self owner', superadmin: 'outranks owner' },
  superadmin: { self: 'self owner', superadmin: 'owner' },
  'held role': {
    self: 'holds',
    'domain admin': 'domainAdmin',
    'foreign domain admin': 'domainAdmin',
    'parent domain admin': 'domainAdmin',
  },
  'other role': { 'domain admin': 'domainAdmin', 'foreign domain admin': 'domainAdmin', 'parent domain admin': 'domainAdmin' },
  'active domain': {
    ...Object.fromEntries(personas.map((persona) => [persona, 'active'])),
    reader: 'active may',
    'domain admin': 'active domainAdmin',
    'parent domain admin': 'active domainAdmin',
  },
  'inactive domain': {},
  'the granter': { superadmin: 'self owner' },
};

/** Rows in whose events a superadmin took part. */
const involveSuperadmin: readonly RowKind[] = ['superadmin', 'user, by a superadmin'];

/** The conditions that each persona could meet on some row: a rule that needs more is denied before a row is read. */
const metOnSomeRow: Record<Persona, string> = {
  anonymous: 'active',
  self: 'active self owner holds',
  'other user': 'active self owner holds',
  reader: 'active self owner holds may',
  'domain admin': 'active self owner holds domainAdmin exclusive',
  'foreign domain admin': 'active self owner holds domainAdmin exclusive',
  'parent domain admin': 'active self owner holds domainAdmin exclusive',
  admin: 'active self owner holds outranks',
  superadmin: 'active self owner holds outranks',
};
const metOnSomeRowByOwnRank: Partial<Record<RowKind, string>> = {
  'domain admin': 'domainAdmin',
  admin: 'outranks',
  superadmin: 'outranks',
};

/** The permissions of the role READER. */
const readerPermissions = ['users:read', 'roles:read', 'domains:read', 'audit:read'];
const isMetBy =
  (met: string[]) =>
  ({ is, of }: { is: string; of?: unknown }) =>
    met.includes(is) && (is !== 'may' || readerPermissions.includes(String(of)));

/** True if the persona meets the rule on the row, or on the row that a field of it leads to. */
export const meets = (rule: Rule, persona: Persona, row?: RowRef, shown = row): boolean =>
  evaluate(rule, isMetBy(conditionsMet(persona, row, shown))) === true;

/** The same, as if every role that has a permission had all of them. */
export function meetsByName(rule: Rule, persona: Persona, row?: RowRef): boolean {
  const met = conditionsMet(persona, row, row);
  return evaluate(rule, ({ is }) => met.includes(is)) === true;
}

const conditionsMet = (persona: Persona, row: RowRef | undefined, shown: RowRef | undefined) =>
  words(metAlways[persona], ifSelf(persona, row, metByOwnRank), shown && metOnRow[shown.kind][persona], shown && withoutSuperadmin(shown));

const withoutSuperadmin = ({ kind }: RowRef) => (involveSuperadmin.includes(kind) ? '' : 'withoutSuperadmin');

/** True if the persona could meet the rule on some row. */
function isPossible(rule: Rule, persona: Persona, row?: RowRef): boolean {
  const met = words(
    metAlways[persona],
    ifSelf(persona, row, metByOwnRank),
    metOnSomeRow[persona],
    ifSelf(persona, row, metOnSomeRowByOwnRank),
    'withoutSuperadmin',
  );
  return evaluate(rule, isMetBy(met)) === true;
}

const ifSelf = (persona: Persona, row: RowRef | undefined, table: Partial<Record<RowKind, string>>) =>
  persona === 'self' && row ? table[row.kind] : '';

const words = (...texts: (string | undefined)[]) => texts.join(' ').split(' ');

/** The outcome for one persona at one coordinate; the legend of docs/AUTHORIZATION.md explains the signs. */
export type Verdict = '✔' | '–' | '∅' | '⊘' | '↻' | '!';

const denied = (persona: Persona): Verdict => (persona === 'anonymous' ? '⊘' : '–');

/** The expected verdict on a field of a row. */
export function predictField(type: string, field: string, persona: Persona, row?: Row): Verdict {
  if (!meets(ruleOf(type), persona, row)) return '∅';
  if (!meets(ruleOf(`${type}.${field}`), persona, row)) return denied(persona);
  const shown = row?.shows?.[field];
  if (shown === undefined) return '✔';
  return shown && meets(ruleOf(shown.type), persona, row, shown) ? '✔' : '∅';
}

/** The expected verdict on a query, a subscription or a filter field; `needs` is the rule on the row that it is about. */
export function predictRoot(coordinate: string, persona: Persona, row?: RowRef, needs = row && ruleOf(row.type)): Verdict {
  if (!isPossible(ruleOf(coordinate), persona, row)) return denied(persona);
  return !needs || meets(needs, persona, row) ? '✔' : '∅';
}

/** The expected verdict on a mutation; `needs` is what this input requires beyond the rule of the mutation. */
export function predictMutation(coordinate: string, persona: Persona, row?: RowRef, needs?: Rule): Verdict {
  const rule = ruleOf(coordinate);
  if (!isPossible(rule, persona, row)) return denied(persona);
  if (!row || meets(rule, persona, row)) return needs && !meets(needs, persona, row) ? '–' : '✔';
  return meets(ruleOf(row.type), persona, row) ? '–' : '∅';
}
