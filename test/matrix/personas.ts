/** The kinds of callers: the columns of docs/AUTHORIZATION.md. `self` is the user that the line is about. */
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

/** The users that lines are about: members of one domain, one of each rank. */
export const subjects = ['user', 'domain admin', 'admin', 'superadmin'] as const;

export type Subject = (typeof subjects)[number];

/** The kinds of rows that differ in who may do what with them. `elsewhere`: of the same user, but outside of the domain. */
export type RowKind =
  | Subject
  | 'user, elsewhere'
  | 'user, by a superadmin'
  | 'held role'
  | 'other role'
  | 'active domain'
  | 'inactive domain'
  | 'the granter';

/** A row that lines are about. */
export interface Row {
  readonly type: string;
  readonly kind: RowKind;
  /** The global id. */
  readonly id: string;
  /** The argument by which the row is found: an email address or a unique name. */
  readonly name?: string;
  /** The global id of the row that it belongs to. */
  readonly owner?: string;
  /** The rows that its fields lead to; null if a field is empty. */
  readonly shows?: Readonly<Record<string, RowRef | null>>;
}

export type RowRef = Pick<Row, 'type' | 'kind'>;
