import { getNamedType } from 'graphql';
import type { Rule } from '../../src/authorization/rules/rule.ts';
import { schema } from '../../src/schema/schema.ts';
import type { QueryResult, TestUser } from '../test-server.ts';
import { everyField, fieldsOf, verdictAt } from './matrix-samples.ts';
import { ofField, type Persona, type Row, type Seen, type Verdict } from './matrix-truth.ts';
import { type Data, forEach, inTurn, type SeededMatrix } from './matrix-world.ts';

/** One verdict: what the server did, and what the rule predicts; undefined where the persona does not get as far. */
export interface Observation {
  readonly coordinate: string;
  readonly subject: string;
  readonly persona: Persona;
  readonly verdict: Verdict | undefined;
  readonly predicted: Verdict | undefined;
  readonly answer?: QueryResult<Data>;
  /** What the input asked for besides the rule of the place. */
  readonly needs?: Rule | undefined;
  /** The row that was asked about, with its global id. */
  readonly about?: (Seen & { readonly id: string }) | undefined;
  /** What explainAccess said beforehand: whether it is allowed, or the code of its error. */
  readonly explained?: boolean | string | undefined;
}

/** Asks for an explanation before a mutation is run, for afterwards the world is another. */
export type Explain = (
  place: Pick<Observation, 'coordinate' | 'persona' | 'subject' | 'about'>,
  caller: TestUser | undefined,
) => Promise<boolean | string | undefined>;

/** A list of the schema: the field that leads to it, its types, and the type of its rows. */
export interface List {
  readonly parent: string;
  readonly field: string;
  readonly page: string;
  readonly entry: string;
  readonly row: string;
}

/** All of them. */
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

interface Way {
  readonly document: (fields: string) => string;
  readonly path: readonly string[];
}

/** The second way to the rows of a type where it is not simply a list. */
const otherWays: Record<string, Way> = {
  User: {
    document: (fields) => `query ($name: String!) { users(filter: { search: $name }) { edges { node { ${fields} } } } }`,
    path: ['users', 'edges'],
  },
  AuditEvent: {
    document: (fields) => `query ($name: String!) { auditEvents(filter: { action: $name }) { edges { node { ${fields} } } } }`,
    path: ['auditEvents', 'edges'],
  },
  // The last ones, which are the matrix' own: what is denied of all would be more errors than one answer holds.
  Role: { document: (fields) => `{ roles(last: 3) { edges { node { ${fields} } } } }`, path: ['roles', 'edges'] },
  RoleGrant: { document: (fields) => `query ($owner: ID!) { user(id: $owner) { roles { ${fields} } } }`, path: ['user', 'roles'] },
};

/** The second way to the rows of a type, and where in the answer they are: the list of all, else that under what they belong to. */
function secondWay(type: string): Way {
  const own = lists.filter(({ row }) => row === type);
  const list = own.find(({ parent }) => parent === 'Query') ?? own[0];
  const way = otherWays[type] ?? (list && wayBy(list));
  if (!way) throw new Error(`${type} has no second way`);
  return way;
}

function wayBy({ parent, field }: List): Way {
  const list = (fields: string) => `${field}(first: 40) { edges { node { ${fields} } } }`;
  if (parent === 'Query') return { document: (fields) => `{ ${list(fields)} }`, path: [field, 'edges'] };
  const document = (fields: string) => `query ($owner: ID!) { node(id: $owner) { ... on ${parent} { ${list(fields)} } } }`;
  return { document, path: ['node', field, 'edges'] };
}

/** Every field of every row, by `node`. */
export function readRows(matrix: SeededMatrix): Promise<Observation[]> {
  return read(matrix, async (persona, row) => {
    const document = `query ($id: ID!) { node(id: $id) { ... on ${row.type} { ${everyField(row.type)} } } }`;
    return observe(persona, row, await matrix.ask(persona, row.kind, document, { id: row.id }), ['node']);
  });
}

/** The same fields of the same rows by the second way. */
export function readAgain(matrix: SeededMatrix): Promise<Observation[]> {
  return read(matrix, async (persona, row) => {
    const way = secondWay(row.type);
    const document = way.document(everyField(row.type));
    const variables = { ...(document.includes('$owner') && { owner: row.owner }), ...(document.includes('$name') && { name: row.name }) };
    const answer = await matrix.ask(persona, row.kind, document, variables);
    const rows: Data[] = way.path.reduce((at: Data, key) => at?.[key], answer.data) ?? [];
    verdictAt(answer, way.path);
    const at = rows.findIndex((one) => (one.node ?? one).id === row.id);
    return observe(persona, row, answer, at < 0 ? undefined : [...way.path, at, ...('node' in rows[at] ? ['node'] : [])]);
  });
}

const read = async (matrix: SeededMatrix, ask: (persona: Persona, row: Row) => Promise<Observation[]>) =>
  (await inTurn(matrix.rows, (row) => forEach((persona) => ask(persona, row)))).flat(2);

/** The verdicts on the fields of a row that stands at the path; nowhere in the answer if there is none. */
const observe = (persona: Persona, row: Row, answer: QueryResult<Data>, path: readonly (string | number)[] | undefined): Observation[] =>
  fieldsOf(row.type).map(({ name }) => ({
    coordinate: `${row.type}.${name}`,
    subject: row.kind,
    persona,
    verdict: path ? verdictAt(answer, [...path, name]) : '∅',
    predicted: ofField(row.type, name, persona, row),
    answer,
    about: row,
  }));
