import type { Rule } from './rule.ts';

/** Which row a row belongs to: `of` is the parent's model, `by` the relation to it, whose column is `<by>Id`. */
export interface OwnershipEntry {
  readonly of?: string;
  readonly by?: string;
  /** Who can write a row and everything that belongs to it. Defaults to the rule of the parent row. */
  readonly writable?: Rule;
}

/** How the rows of each model lead to their owner. */
export interface Ownership {
  /** The model of those who can own rows; a row of it owns itself. */
  readonly ownerModel: string;
  readonly models: Readonly<Record<string, OwnershipEntry>>;
}

type Columns = Readonly<Record<string, unknown>>;

/** The parent of a model's rows; undefined if they belong to nothing. */
export function parentOf(
  { models }: Ownership,
  model: string,
): { readonly model: string; readonly by: string; readonly column: string } | undefined {
  const { of, by } = models[model] ?? {};
  return of && by ? { model: of, by, column: `${by}Id` } : undefined;
}

/** The id of the row's owner, if the columns that were read contain it. */
export function ownerIdOf(ownership: Ownership, model: string, row: Columns | undefined): string | undefined {
  if (model === ownership.ownerModel) return row?.id as string | undefined;
  const parent = parentOf(ownership, model);
  return parent?.model === ownership.ownerModel ? (row?.[parent.column] as string | undefined) : undefined;
}

/** A filter on the owner, as a filter on the row; undefined if such rows have no owner. */
export function whereOwnerMatches(ownership: Ownership, model: string, owner: Columns): Columns | undefined {
  if (model === ownership.ownerModel) return owner;
  const parent = parentOf(ownership, model);
  const inner = parent && whereOwnerMatches(ownership, parent.model, owner);
  return inner && { [parent.by]: inner };
}

/** The filter for the rows of one owner. Compares the column where the row has it: unlike a join, an index serves it inside an OR too. */
export function whereOwnedBy(ownership: Ownership, model: string, ownerId: string): Columns | undefined {
  if (model === ownership.ownerModel) return { id: ownerId };
  const parent = parentOf(ownership, model);
  if (parent?.model === ownership.ownerModel) return { [parent.column]: ownerId };
  const inner = parent && whereOwnedBy(ownership, parent.model, ownerId);
  return inner && { [parent.by]: inner };
}
