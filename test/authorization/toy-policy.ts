import { createAccessState } from '../../src/authorization/evaluate/decisions.ts';
import { ownerIdOf, whereOwnedBy } from '../../src/authorization/rules/ownership.ts';
import type {
  Access,
  AccessContext,
  ConditionDefinition,
  ModelDelegate,
  Policy,
  Row,
  SensitiveRead,
} from '../../src/authorization/rules/policy.ts';
import { print, type Rule } from '../../src/authorization/rules/rule.ts';

// A product of its own for the engine: documents in folders, which belong to persons. Its rows are in memory.

export interface Person extends Row {
  readonly name: string;
  readonly isEditor: boolean;
}

export interface ToyTypes {
  readonly Viewer: Person;
  readonly Where: Record<Model, object>;
  readonly Rows: Record<Model, Row>;
}

export type Model = 'Person' | 'Folder' | 'Document';

export interface ToyContext extends AccessContext<ToyTypes> {
  /** The queries that the engine made: the model and the number of ids that it asked for. */
  readonly queries: string[];
  readonly reads: Pick<SensitiveRead, 'coordinate' | 'ownerId'>[];
}

type Condition = { readonly is: 'everyone'; readonly of: string } | { readonly is: 'owns' | 'published' | 'editor' | 'canWrite' };

export const everyone = (because: string): Condition => ({ is: 'everyone', of: because });
export const owns: Condition = { is: 'owns' };
export const published: Condition = { is: 'published' };
export const editor: Condition = { is: 'editor' };
export const canWrite: Condition = { is: 'canWrite' };

export type ToyRule = Rule<Condition>;

const ownership = {
  ownerModel: 'Person',
  models: { Person: {}, Folder: { of: 'Person', by: 'person', writable: owns }, Document: { of: 'Folder', by: 'folder' } },
};

const conditions: Record<Condition['is'], ConditionDefinition<ToyTypes>> = {
  everyone: { label: 'is anyone', dependsOn: 'viewer', isOpen: true, inMemory: () => true },
  editor: { label: 'is an editor', dependsOn: 'viewer', inMemory: (viewer) => viewer?.isEditor === true },
  published: {
    label: 'looks at something published',
    dependsOn: 'row',
    inMemory: (subject) => subject?.row?.isPublished as boolean | undefined,
    toWhere: () => ({ isPublished: true }),
  },
  owns: {
    label: 'is the owner',
    dependsOn: 'viewerAndRow',
    inMemory: (viewer, subject) => {
      const ownerId = subject && ownerIdOf(ownership, subject.model, subject.row);
      return ownerId === undefined ? undefined : ownerId === viewer.id;
    },
    toWhere: (viewer, model) => whereOwnedBy(ownership, model, viewer.id) ?? false,
  },
  canWrite: { label: 'can write the folder', dependsOn: 'writableRule' },
};

export const ann: Person = { id: 'ann', name: 'Ann', isEditor: false };
export const ben: Person = { id: 'ben', name: 'Ben', isEditor: false };
export const eve: Person = { id: 'eve', name: 'Eve', isEditor: true };

const rows: Record<Model, readonly Row[]> = {
  Person: [ann, ben, eve],
  Folder: [
    { id: 'poems', personId: 'ann', name: 'Poems', code: 'A-1' },
    { id: 'recipes', personId: 'ben', name: 'Recipes', code: 'B-1' },
  ],
  Document: [
    { id: 'draft', folderId: 'poems', title: 'Draft', notes: 'unfinished', isPublished: false },
    { id: 'sonnet', folderId: 'poems', title: 'Sonnet', notes: 'done', isPublished: true },
    { id: 'soup', folderId: 'recipes', title: 'Soup', notes: 'salt', isPublished: true },
    { id: 'stew', folderId: 'recipes', title: 'Stew', notes: 'too thin', isPublished: false },
  ],
};

export const policy: Policy<ToyTypes> = {
  conditions,
  ownership,
  knownRows: { 'Query.document': 'id' },
  viewerRow: (viewer) => viewer,
  isRowId: (text) => /^[a-z]+$/.test(text),
  client: (context) => context as ToyContext,
  delegate: (context, model) => delegateOf(context as ToyContext, model as Model),
  accessDenied: (_, coordinate, rule) => new Error(`${coordinate} requires ${print(rule)}`),
  notFound: () => new Error('not found'),
  invalidInput: (faults) => new Error(JSON.stringify(faults)),
  onSensitiveRead: (context, { coordinate, ownerId }) => (context as ToyContext).reads.push({ coordinate, ownerId }),
};

export const contextOf = (access: Access<ToyTypes>, viewer: Person | null): ToyContext => ({
  ...createAccessState(access, viewer),
  queries: [],
  reads: [],
});

/** The rows of a model that match a filter, as a database would find them. */
export function delegateOf({ queries }: Pick<ToyContext, 'queries'>, model: Model): ModelDelegate {
  const find = (where: object) => rows[model].filter((row) => matches(model, row, where));
  return {
    findMany: async ({ where }) => {
      queries.push(model);
      return find(where);
    },
    count: async ({ where }) => find(where).length,
  };
}

/** Evaluates a filter in Prisma's syntax, as far as the toy needs it. */
function matches(model: Model, row: Row, where: object): boolean {
  return Object.entries(where).every(([key, value]) => {
    if (key === 'AND') return value.every((part: object) => matches(model, row, part));
    if (key === 'OR') return value.some((part: object) => matches(model, row, part));
    if (key === 'folder') return related('Folder', row.folderId, value);
    if (key === 'person') return related('Person', row.personId, value);
    return typeof value === 'object' ? value.in.includes(row[key]) : row[key] === value;
  });
}

const related = (model: Model, id: unknown, where: object) => rows[model].some((row) => row.id === id && matches(model, row, where));
