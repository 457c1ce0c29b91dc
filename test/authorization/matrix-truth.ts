import { evaluate, type Rule } from '../../src/authorization/rules/rule.ts';
import { ruleOf } from './access.ts';

/** Everybody who may ask, as the columns of the table of who may do what. `self` is the user that the line is about. */
export const personas = [
  'anonymous',
  'self',
  'other user',
  'reader',
  'domain admin',
  'foreign domain admin',
  'parent domain admin',
  'admin',
  'superadmin',
] as const;

export type Persona = (typeof personas)[number];

/** Whom a line is about: members of one domain, of every rank. */
export const subjects = ['user', 'domain admin', 'admin', 'superadmin'] as const;

export type Subject = (typeof subjects)[number];

/** Rows that differ in who may do what with them. `elsewhere`: of the same user, but outside of the domain. */
export type Kind =
  | Subject
  | 'user, elsewhere'
  | 'user, by a superadmin'
  | 'held role'
  | 'other role'
  | 'active domain'
  | 'inactive domain'
  | 'the granter';

type Atoms = Partial<Record<Persona, string>>;

const signedIn = 'anyone signedIn session fresh confirmed scope';
const administering = `${signedIn} administers`;

/** What each persona is, whatever the row. */
const always: Record<Persona, string> = {
  anonymous: 'anyone',
  self: signedIn,
  'other user': signedIn,
  reader: `${signedIn} delegates`,
  'domain admin': administering,
  'foreign domain admin': administering,
  'parent domain admin': administering,
  admin: `${administering} admin`,
  superadmin: `${administering} admin superadmin`,
};

/** What a persona is besides when it is the subject itself. */
const ownRank: Partial<Record<Kind, string>> = {
  'domain admin': 'administers',
  admin: 'administers admin',
  superadmin: 'administers admin superadmin',
};

/** What each persona is to what a user of no rank has in the domain. */
const toPlainUser: Atoms = {
  self: 'self owner',
  reader: 'may',
  'domain admin': 'domainAdmin',
  'parent domain admin': 'domainAdmin',
  admin: 'outranks owner',
  superadmin: 'outranks owner',
};

/** What each persona is to each kind of row, from the table "who may do what" and the sentence on ranks above it. */
const toRow: Record<Kind, Atoms> = {
  user: toPlainUser,
  'user, elsewhere': { self: 'self owner', admin: 'outranks owner', superadmin: 'outranks owner' },
  'user, by a superadmin': toPlainUser,
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

/** What was done to these, a superadmin had a part in. */
const bySuperadmins: readonly Kind[] = ['superadmin', 'user, by a superadmin'];

/** What each persona could be to some row: a rule that needs more is refused before any row is looked at. */
const toSomeRow: Record<Persona, string> = {
  anonymous: 'active',
  self: 'active self owner holds',
  'other user': 'active self owner holds',
  reader: 'active self owner holds may',
  'domain admin': 'active self owner holds domainAdmin',
  'foreign domain admin': 'active self owner holds domainAdmin',
  'parent domain admin': 'active self owner holds domainAdmin',
  admin: 'active self owner holds outranks',
  superadmin: 'active self owner holds outranks',
};
const ownReach: Partial<Record<Kind, string>> = { 'domain admin': 'domainAdmin', admin: 'outranks', superadmin: 'outranks' };

/** A row that a line is about, and the rows that its fields show: null where a field has nothing to show. */
export interface Row {
  readonly type: string;
  readonly kind: Kind;
  /** The global id. */
  readonly id: string;
  /** What it is found by: an e-mail address, a unique name. */
  readonly name?: string;
  /** The user whose it is. */
  readonly owner?: string;
  readonly shows?: Readonly<Record<string, Seen | null>>;
}

export type Seen = Pick<Row, 'type' | 'kind'>;

/** What the reader's role permits. */
const permitted = ['users:read', 'roles:read', 'domains:read', 'audit:read'];
const holding =
  (met: string[]) =>
  ({ is, of }: { is: string; of?: unknown }) =>
    met.includes(is) && (is !== 'may' || permitted.includes(String(of)));

/** Whether the rule is met for what a field of the row shows, or the row itself, by the tables above. */
export const meets = (rule: Rule, persona: Persona, row?: Seen, shown = row): boolean =>
  evaluate(rule, holding(metBy(persona, row, shown))) === true;

/** The same where a role that permits something permits whatever a rule asks for: the tables do not tell permissions apart. */
export function meetsByName(rule: Rule, persona: Persona, row?: Seen): boolean {
  const met = metBy(persona, row, row);
  return evaluate(rule, ({ is }) => met.includes(is)) === true;
}

const metBy = (persona: Persona, row: Seen | undefined, shown: Seen | undefined) =>
  words(always[persona], own(persona, row, ownRank), shown && toRow[shown.kind][persona], shown && without(shown));

const without = ({ kind }: Seen) => (bySuperadmins.includes(kind) ? '' : 'withoutSuperadmin');

/** Whether the rule could be met for some row. */
function isPossible(rule: Rule, persona: Persona, row?: Seen): boolean {
  const met = words(always[persona], own(persona, row, ownRank), toSomeRow[persona], own(persona, row, ownReach), 'withoutSuperadmin');
  return evaluate(rule, holding(met)) === true;
}

const own = (persona: Persona, row: Seen | undefined, table: Partial<Record<Kind, string>>) =>
  persona === 'self' && row ? table[row.kind] : '';

const words = (...texts: (string | undefined)[]) => texts.join(' ').split(' ');

/** What one persona is to see at one place. */
export type Verdict = '✔' | '–' | '∅' | '⊘' | '↻' | '!';

const refused = (persona: Persona): Verdict => (persona === 'anonymous' ? '⊘' : '–');

/** The verdict on a field of a row. */
export function ofField(type: string, field: string, persona: Persona, row?: Row): Verdict {
  if (!meets(ruleOf(type), persona, row)) return '∅';
  if (!meets(ruleOf(`${type}.${field}`), persona, row)) return refused(persona);
  const shown = row?.shows?.[field];
  if (shown === undefined) return '✔';
  return shown && meets(ruleOf(shown.type), persona, row, shown) ? '✔' : '∅';
}

/** The verdict on a query, subscription or part of a filter; on what it needs of a row, where it is about one. */
export function ofRoot(coordinate: string, persona: Persona, row?: Seen, needs = row && ruleOf(row.type)): Verdict {
  if (!isPossible(ruleOf(coordinate), persona, row)) return refused(persona);
  return !needs || meets(needs, persona, row) ? '✔' : '∅';
}

/** The verdict on a mutation; `needs` is what this input asks for besides the mutation's own rule. */
export function ofMutation(coordinate: string, persona: Persona, row?: Seen, needs?: Rule): Verdict {
  const rule = ruleOf(coordinate);
  if (!isPossible(rule, persona, row)) return refused(persona);
  if (!row || meets(rule, persona, row)) return needs && !meets(needs, persona, row) ? '–' : '✔';
  return meets(ruleOf(row.type), persona, row) ? '–' : '∅';
}
