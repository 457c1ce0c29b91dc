import { type Condition, conditionsOf, evaluate, print, type Rule } from '../src/authorization/rules/rule.ts';
import * as vocabulary from '../src/policy/conditions.ts';
import { type Kind, meetsByName, type Persona, personas } from '../test/authorization/matrix-truth.ts';

/** What a change of a rule does: who gains and who loses about which rows, and why it could not be judged, if so. */
export interface Judgement {
  readonly gains: readonly string[];
  readonly losses: readonly string[];
  readonly unjudged: readonly string[];
}

/** Compares two rules of one place by everybody who may ask, however they came, and every kind of row. */
export function judge(coordinate: string, before: Rule, now: Rule): Judgement {
  const atoms = [...new Map([...conditionsOf(before), ...conditionsOf(now)].map((atom) => [print(atom), atom])).values()];
  const rows = kindsAt(coordinate);
  const unjudged = atoms.flatMap((atom) => doubt(atom, rows));
  if (unjudged.length > 0) return { gains: [], losses: [], unjudged };
  const credentials = credentialsFor(atoms);
  const changes = askersFor(atoms).flatMap((asker) =>
    (asker.isNobody ? credentials.slice(0, 1) : credentials).map((credential) => {
      const may = (rule: Rule, kind: Kind) => evaluate(rule, (atom) => credential.carries(atom) && asker.meets(atom, kind)) === true;
      const gained = rows.filter((kind) => may(now, kind) && !may(before, kind));
      const lost = rows.filter((kind) => !may(now, kind) && may(before, kind));
      return { asker, credential, gained, lost };
    }),
  );
  const all = { ways: credentials.filter(({ isSession }) => isSession), rows: rows.length };
  const say = (of: 'gained' | 'lost') =>
    told(
      changes.map((change) => ({ ...change, rows: change[of] })),
      all,
    );
  return { gains: say('gained'), losses: say('lost'), unjudged };
}

const typeOf = (coordinate: string) => coordinate.split('.', 1)[0] ?? '';

/** The type of each kind of row, none for what users are and have; the compiler names a kind that is missing. */
const typeOfKind: Record<Kind, string | undefined> = {
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
const kinds = Object.keys(typeOfKind) as Kind[];

/** The kinds of row that a place can be about: those of its type or of what it filters; of a root field or an input, any. */
function kindsAt(coordinate: string): Kind[] {
  const type = typeOf(coordinate);
  if (/^(Query|Mutation|Subscription)$|(Input|Payload|Connection|Edge)$/.test(type)) return kinds;
  const own = kinds.filter((kind) => typeOfKind[kind] === type.replace(/(Filter|Order)$/, ''));
  return own.length > 0 ? own : kinds.filter((kind) => typeOfKind[kind] === undefined);
}

/** Why an atom can not be judged: it is in one vocabulary only, the rules' or the truth table's. */
function doubt(atom: Condition, rows: readonly Kind[]): string[] {
  if (!isMet(atom, isBlind(atom) ? kinds : rows))
    return [`"${print(atom)}" is met by nobody in the truth table (test/access/matrix-truth.ts) for such a row`];
  return Object.hasOwn(vocabulary, atom.is) ? [] : [`"${print(atom)}" is not in the vocabulary of rules (src/policy/conditions.ts)`];
}

const isMet = (atom: Condition, rows: readonly Kind[]) =>
  personas.some((persona) => rows.some((kind) => meetsByName(atom, persona, { type: '', kind })));

/** Whether the truth table does not look at the atom's `of`: it tells nobody from anybody who has another `of`. */
const isBlind = (atom: Condition) => atom.of !== undefined && !ownMeaning.includes(atom.is) && isMet({ ...atom, of: '' }, kinds);

/** Atoms whose `of` needs no line of the truth table: it is a reason, or it is compared here, by credential. */
const ownMeaning = ['anyone', 'scope'];

/** Somebody who asks. */
interface Asker {
  readonly says: string;
  readonly isNobody: boolean;
  meets(atom: Condition, kind: Kind): boolean;
}

/** The personas; and for atoms whose `of` the truth table does not look at, other users who have some of them, wherever they ask. */
function askersFor(atoms: readonly Condition[]): Asker[] {
  const byTable = (persona: Persona) => (atom: Condition, kind: Kind) => meetsByName(atom, persona, { type: '', kind });
  const blind = atoms.filter(isBlind).map(print);
  return [
    ...(atoms.some(isConfirmed) ? [unconfirmed] : []),
    ...personas.map((persona) => ({ says: persona as string, isNobody: persona === 'anonymous', meets: byTable(persona) })),
    ...subsets(blind)
      .filter((set) => set.length > 0)
      .map((set) => ({
        says: `whoever has ${set.join(' and ')}`,
        isNobody: false,
        meets: (atom: Condition, kind: Kind) =>
          blind.includes(print(atom)) ? set.includes(print(atom)) : byTable('other user')(atom, kind),
      })),
  ];
}

const isConfirmed = ({ is }: Condition) => is === 'confirmed';

/** The personas of the truth table have proven their addresses; others may not. */
const unconfirmed: Asker = {
  says: 'whoever has not proven the address',
  isNobody: false,
  meets: (atom, kind) => !isConfirmed(atom) && meetsByName(atom, 'other user', { type: '', kind }),
};

const subsets = <T>(items: readonly T[]): T[][] =>
  Array.from({ length: 2 ** items.length }, (_, bits) => items.filter((__, at) => bits & (1 << at)));

/** A way to come: what of the rules' atoms it does not take away. */
interface Credential {
  readonly says: string;
  readonly isSession: boolean;
  carries(atom: Condition): boolean;
}

/** The personas of the truth table come with a fresh session; others may come with an older one, or an API token for some of the scopes. */
function credentialsFor(atoms: readonly Condition[]): Credential[] {
  const scopes = [...new Set(atoms.flatMap(({ is, of = '' }) => (is === 'scope' ? [of] : [])))];
  return [
    { says: 'a fresh session', isSession: true, carries: () => true },
    { says: 'an older session', isSession: true, carries: ({ is }) => is !== 'fresh' },
    ...subsets(scopes).map((set) => ({
      says: scopes.length === 0 ? 'an API token' : `an API token for ${set.join(' and ') || 'none of these scopes'}`,
      isSession: false,
      carries: ({ is, of = '' }: Condition) => is !== 'fresh' && is !== 'session' && (is !== 'scope' || set.includes(of)),
    })),
  ];
}

interface Change {
  readonly asker: Asker;
  readonly credential: Credential;
  readonly rows: readonly Kind[];
}

/** One line for all who gain or lose the same; how they came is said where it is not with any session. */
function told(changes: readonly Change[], all: { readonly ways: readonly Credential[]; readonly rows: number }): string[] {
  const real = changes.filter(({ rows }) => rows.length > 0);
  const alike = [...Map.groupBy(real, ({ asker, rows }) => `${asker.says}\n${rows.join('; ')}`).values()];
  const sentences = alike.map((same) => {
    const [{ asker, rows }] = same as [Change];
    const ways = same.map(({ credential }) => credential);
    const by = asker.isNobody || all.ways.every((way) => ways.includes(way)) ? '' : `, with ${ways.map(({ says }) => says).join(' or ')}`;
    return { who: asker.says, what: `${rows.length === all.rows ? 'every row' : rows.join('; ')}${by}` };
  });
  return [...Map.groupBy(sentences, ({ what }) => what)].map(([what, same]) => `${same.map(({ who }) => who).join(', ')}: ${what}`);
}
