import { getNamedType } from 'graphql';
import type { Rule } from '../../src/authorization/rules/rule.ts';
import { schema } from '../../src/schema/schema.ts';
import type { QueryResult, TestUser } from '../test-server.ts';
import { predictField, type Verdict } from './expected-verdicts.ts';
import type { Persona, Row, RowRef } from './personas.ts';
import { everyField, fieldsOf, verdictAt } from './schema-fields.ts';
import { type Data, forEachPersona, type Matrix, sequentially } from './seed.ts';

/** The verdict of one persona: executed and predicted. Undefined if the persona does not get that far. */
export interface Observation {
  readonly coordinate: string;
  readonly subject: string;
  readonly persona: Persona;
  readonly verdict: Verdict | undefined;
  readonly predicted: Verdict | undefined;
  readonly answer?: QueryResult<Data>;
  /** What the input requires beyond the rule of the coordinate. */
  readonly needs?: Rule | undefined;
  /** The row that the operation is about. */
  readonly about?: (RowRef & { readonly id: string }) | undefined;
  /** The result of `explainAccess`: `allowed`, or the code of its error. */
  readonly explained?: boolean | string | undefined;
}

/** Explains a mutation. Called before it is executed, as it changes what is explained. */
export type Explain = (
  place: Pick<Observation, 'coordinate' | 'persona' | 'subject' | 'about'>,
  caller: TestUser | undefined,
) => Promise<boolean | string | undefined>;

/** A connection of the schema: its field, its types and the type of its rows. */
export interface List {
  readonly parent: string;
  readonly field: string;
  readonly page: string;
  readonly entry: string;
  readonly row: string;
}

/** All connections of the schema. */
export const lists: readonly List[] = Object.keys(schema.getTypeMap()).flatMap((parent) =>
  fieldsOf(parent).flatMap(({ name: field, type }) => {
    const page = getNamedType(type).name;
    const entry = typeAt(page, 'edges');
    return page.endsWith('Connection') ? [{ parent, field, page, entry, row: typeAt(entry, 'node') }] : [];
  }),
);

function typeAt(type: string, name: string): string {
  const field = fieldsOf(type).find((one) => one.name === name);
  return field ? getNamedType(field.type).name : '';
}

interface SecondPath {
  readonly document: (fields: string) => string;
  readonly path: readonly string[];
}

/** The second path to the rows of a type, unless it is a connection. */
const specialPaths: Record<string, SecondPath> = {
  User: {
    document: (fields) => `query ($name: String!) { users(filter: { search: $name }) { edges { node { ${fields} } } } }`,
    path: ['users', 'edges'],
  },
  AuditEvent: {
    document: (fields) => `query ($name: String!) { auditEvents(filter: { action: $name }) { edges { node { ${fields} } } } }`,
    path: ['auditEvents', 'edges'],
  },
  // The last ones, which are those of the matrix: the denials of all roles would exceed the errors of one response.
  Role: { document: (fields) => `{ roles(last: 3) { edges { node { ${fields} } } } }`, path: ['roles', 'edges'] },
  RoleGrant: { document: (fields) => `query ($owner: ID!) { user(id: $owner) { roles { ${fields} } } }`, path: ['user', 'roles'] },
};

/** The second path to the rows of a type: the connection of the query type, or that of their parent. */
function secondPath(type: string): SecondPath {
  const own = lists.filter(({ row }) => row === type);
  const list = own.find(({ parent }) => parent === 'Query') ?? own[0];
  const way = specialPaths[type] ?? (list && pathBy(list));
  if (!way) throw new Error(`${type} has no second path`);
  return way;
}

function pathBy({ parent, field }: List): SecondPath {
  const list = (fields: string) => `${field}(first: 40) { edges { node { ${fields} } } }`;
  if (parent === 'Query') return { document: (fields) => `{ ${list(fields)} }`, path: [field, 'edges'] };
  const document = (fields: string) => `query ($owner: ID!) { node(id: $owner) { ... on ${parent} { ${list(fields)} } } }`;
  return { document, path: ['node', field, 'edges'] };
}

/** Reads every field of every row, by `node`. */
export function readRows(matrix: Matrix): Promise<Observation[]> {
  return read(matrix, async (persona, row) => {
    const document = `query ($id: ID!) { node(id: $id) { ... on ${row.type} { ${everyField(row.type)} } } }`;
    return observe(persona, row, await matrix.queryAs(persona, row.kind, document, { id: row.id }), ['node']);
  });
}

/** Reads the same fields by the second path. */
export function readRowsBySecondPath(matrix: Matrix): Promise<Observation[]> {
  return read(matrix, async (persona, row) => {
    const way = secondPath(row.type);
    const document = way.document(everyField(row.type));
    const variables = { ...(document.includes('$owner') && { owner: row.owner }), ...(document.includes('$name') && { name: row.name }) };
    const answer = await matrix.queryAs(persona, row.kind, document, variables);
    const rows: Data[] = way.path.reduce((at: Data, key) => at?.[key], answer.data) ?? [];
    verdictAt(answer, way.path);
    const at = rows.findIndex((one) => (one.node ?? one).id === row.id);
    return observe(persona, row, answer, at < 0 ? undefined : [...way.path, at, ...('node' in rows[at] ? ['node'] : [])]);
  });
}

const read = async (matrix: Matrix, ask: (persona: Persona, row: Row) => Promise<Observation[]>) =>
  (await sequentially(matrix.rows, (row) => forEachPersona((persona) => ask(persona, row)))).flat(2);

/** The verdicts on the fields of the row at the path; without a path, the row is not in the result. */
const observe = (persona: Persona, row: Row, answer: QueryResult<Data>, path: readonly (string | number)[] | undefined): Observation[] =>
  fieldsOf(row.type).map(({ name }) => ({
    coordinate: `${row.type}.${name}`,
    subject: row.kind,
    persona,
    verdict: path ? verdictAt(answer, [...path, name]) : '∅',
    predicted: predictField(row.type, name, persona, row),
    answer,
    about: row,
  }));
