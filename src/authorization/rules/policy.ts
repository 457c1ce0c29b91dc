import type { Loaders } from '../../lib/loaders.ts';
import type { Ownership } from './ownership.ts';
import type { Decision, Rule } from './rule.ts';

// What the product declares to the engine. The engine has no other knowledge of callers, models, errors or logs.

/** The types in which a policy is written. */
export interface PolicyTypes {
  /** An authenticated caller. */
  readonly Viewer: object;
  /** The database filter of each model that rules are about, in Prisma's syntax. */
  readonly Where: Readonly<Record<string, object>>;
  /** A whole row of each model. */
  readonly Rows: Readonly<Record<string, { readonly id: string }>>;
}

export type ModelOf<T extends PolicyTypes> = keyof T['Where'] & string;

/** A row: its id, and the columns that were read. */
export type Row = { readonly id: string } & Readonly<Record<string, unknown>>;

/** What a rule is asked about: a model, and one of its rows if there is one. */
export interface RowSubject<Model extends string = string> {
  readonly model: Model;
  readonly row?: Row | undefined;
}

/** A database filter; true for every row, false for none. */
export type RowFilter = Readonly<Record<string, unknown>> | boolean;

interface DescribedCondition {
  /** Completes the sentence "the viewer …". */
  readonly label: string;
  /** Set for the condition that every caller meets, anonymous ones included. */
  readonly isOpen?: true;
  /** Set for conditions about how the caller authenticated, not about what they are entitled to. */
  readonly aboutCredential?: true;
}

/** Decided by the caller alone. */
export interface ViewerCondition<T extends PolicyTypes = PolicyTypes> extends DescribedCondition {
  readonly dependsOn: 'viewer';
  inMemory(viewer: T['Viewer'] | null, argument: string): boolean;
}

/** Decided by the row alone. */
interface RowCondition extends DescribedCondition {
  readonly dependsOn: 'row';
  inMemory(subject: RowSubject | undefined): Decision;
  toWhere(model: string): RowFilter;
}

/** Decided by the caller and the row together. Never met by anonymous callers. */
interface RelationCondition<T extends PolicyTypes = PolicyTypes> extends DescribedCondition {
  readonly dependsOn: 'viewerAndRow';
  /** Set if the condition also makes sense where there is no row. */
  readonly isRowOptional?: true;
  /** Undefined if the columns that were read do not suffice. Must agree with `toWhere` otherwise. */
  inMemory(viewer: T['Viewer'], subject: RowSubject<ModelOf<T>> | undefined, argument: string): Decision;
  toWhere(viewer: T['Viewer'], model: ModelOf<T>, argument: string): RowFilter;
}

/** Decided by the `writable` rule of the row's model or of its nearest parent that has one: delegated ownership. */
interface DelegatedCondition<T extends PolicyTypes = PolicyTypes> extends DescribedCondition {
  readonly dependsOn: 'writableRule';
  /** What the row itself must meet in addition, such as the limits of the caller's credential. */
  readonly limit?: Pick<RelationCondition<T>, 'inMemory' | 'toWhere'>;
}

export type ConditionDefinition<T extends PolicyTypes = PolicyTypes> =
  | ViewerCondition<T>
  | RowCondition
  | RelationCondition<T>
  | DelegatedCondition<T>;

/** A read of a sensitive field of another owner's row. */
export interface SensitiveRead {
  readonly coordinate: string;
  readonly ownerId: string;
  /** The conditions that allowed it, as text. Evaluated only if it is called. */
  readonly grantedBy: () => string;
}

/** The queries that the engine makes for a model. */
export interface ModelDelegate {
  findMany(query: { where: object; select?: object }): Promise<Row[]>;
  count(query: { where: object }): Promise<number>;
}

/** Everything that a product says about access. */
export interface Policy<T extends PolicyTypes = PolicyTypes> {
  readonly conditions: Readonly<Record<string, ConditionDefinition<T>>>;
  readonly ownership: Ownership;
  /** Fields that return a row that is known before they run: the viewer's own, or the one that the argument `id` names. */
  readonly knownRows: Readonly<Record<string, 'viewer' | 'id'>>;
  /** The viewer's own row of the owner model. */
  viewerRow(viewer: T['Viewer']): Row;
  /** True for texts that can be the id of a row. */
  isRowId(text: string): boolean;
  /** The database connection of an operation. */
  client(context: AccessContext<T>): object;
  /** The queries for a model, over a connection or a transaction. */
  delegate(client: object, model: string): ModelDelegate;
  /** The error for a denial. The place to log it. */
  accessDenied(context: AccessContext<T>, coordinate: string, rule: Rule): Error;
  /** The error for a row that does not exist or that the viewer cannot see. */
  notFound(): Error;
  /** The error for invalid arguments: what is wrong with each. */
  invalidInput(faults: Record<string, string[]>): Error;
  /** Called after a sensitive field of another owner's row was read. */
  onSensitiveRead(context: AccessContext<T>, read: SensitiveRead): void;
}

/** The target of a mutation. */
export interface MutationTarget {
  /** The model of the row that the mutation's rule is about. */
  readonly model: string;
  /** The model whose fields its input sets: usually the same. */
  readonly updates: string;
}

/** The access rules of one built schema, by coordinate (`User`, `User.email`, `Query.users`, `UserFilter.search`). */
export interface Access<T extends PolicyTypes = PolicyTypes> {
  readonly policy: Policy<T>;
  readonly rules: ReadonlyMap<string, Rule>;
  /** The models of the rows that the rules are about. */
  readonly models: ReadonlyMap<string, string>;
  readonly mutationTargets: ReadonlyMap<string, MutationTarget>;
  /** The fields whose reads are recorded. */
  readonly sensitive: ReadonlySet<string>;
}

/** What is decided about one rule and model, for one viewer. */
export interface RuleDecisions {
  /** The decision that holds for every row; undefined if it depends on the row. */
  readonly always: Decision;
  /** Decisions by row object. Not by id: another read of the row may have other columns. */
  readonly byRow: Map<Row, boolean>;
  /** Decides a row by its id in the database, together with every other row that is requested in the same tick. */
  readonly load: (id: string) => Promise<boolean>;
}

/** What the engine needs in the context of an operation. Never shared between operations. */
export interface AccessContext<T extends PolicyTypes = PolicyTypes> {
  readonly access: Access<T>;
  /** The authenticated caller; null if anonymous. */
  viewer: T['Viewer'] | null;
  /** By model (null: decided without one) and rule. */
  decisionCache: Map<string | null, Map<Rule, RuleDecisions>>;
  loaders: Loaders;
}
