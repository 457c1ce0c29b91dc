import type { Rule } from '../../src/access/rule.ts';
import type { Answer } from '../world.ts';
import { everyField, fieldsOf, verdictAt } from './matrix-samples.ts';
import { ofField, type Persona, type Row, type Verdict } from './matrix-truth.ts';
import { type Data, type Furnished, forEach, inTurn } from './matrix-world.ts';

/** One verdict: what the server did, and what the rule predicts; undefined where the persona does not get as far. */
export interface Observation {
  readonly coordinate: string;
  readonly subject: string;
  readonly persona: Persona;
  readonly verdict: Verdict | undefined;
  readonly predicted: Verdict | undefined;
  readonly answer?: Answer<Data>;
  /** What the input asked for besides the rule of the place. */
  readonly needs?: Rule | undefined;
}

/** The second way to the rows of each type: a list or a relation, and where in the answer its rows are. */
const secondWay: Record<string, { document: (fields: string) => string; path: readonly string[] }> = {
  User: {
    document: (fields) => `query ($name: String!) { users(filter: { search: $name }) { edges { node { ${fields} } } } }`,
    path: ['users', 'edges'],
  },
  Role: { document: (fields) => `{ roles { edges { node { ${fields} } } } }`, path: ['roles', 'edges'] },
  Domain: { document: (fields) => `{ domains { edges { node { ${fields} } } } }`, path: ['domains', 'edges'] },
  RoleGrant: { document: (fields) => `query ($owner: ID!) { user(id: $owner) { roles { ${fields} } } }`, path: ['user', 'roles'] },
  Token: {
    document: (fields) => `query ($owner: ID!) { user(id: $owner) { tokens { edges { node { ${fields} } } } } }`,
    path: ['user', 'tokens', 'edges'],
  },
  UserSetting: {
    document: (fields) => `query ($owner: ID!) { user(id: $owner) { settings { edges { node { ${fields} } } } } }`,
    path: ['user', 'settings', 'edges'],
  },
};

/** Every field of every row, by `node`. */
export function readRows(matrix: Furnished): Promise<Observation[]> {
  return read(matrix, async (persona, row) => {
    const document = `query ($id: ID!) { node(id: $id) { ... on ${row.type} { ${everyField(row.type)} } } }`;
    return observe(persona, row, await matrix.ask(persona, row.kind, document, { id: row.id }), ['node']);
  });
}

/** The same fields of the same rows by the second way. */
export function readAgain(matrix: Furnished): Promise<Observation[]> {
  return read(matrix, async (persona, row) => {
    const way = secondWay[row.type];
    if (!way) throw new Error(`${row.type} has no second way`);
    const document = way.document(everyField(row.type));
    const variables = { ...(document.includes('$owner') && { owner: row.owner }), ...(document.includes('$name') && { name: row.name }) };
    const answer = await matrix.ask(persona, row.kind, document, variables);
    const rows: Data[] = way.path.reduce((at: Data, key) => at?.[key], answer.data) ?? [];
    verdictAt(answer, way.path);
    const at = rows.findIndex((one) => (one.node ?? one).id === row.id);
    return observe(persona, row, answer, at < 0 ? undefined : [...way.path, at, ...('node' in rows[at] ? ['node'] : [])]);
  });
}

const read = async (matrix: Furnished, ask: (persona: Persona, row: Row) => Promise<Observation[]>) =>
  (await inTurn(matrix.rows, (row) => forEach((persona) => ask(persona, row)))).flat(2);

/** The verdicts on the fields of a row that stands at the path; nowhere in the answer if there is none. */
const observe = (persona: Persona, row: Row, answer: Answer<Data>, path: readonly (string | number)[] | undefined): Observation[] =>
  fieldsOf(row.type).map(({ name }) => ({
    coordinate: `${row.type}.${name}`,
    subject: row.kind,
    persona,
    verdict: path ? verdictAt(answer, [...path, name]) : '∅',
    predicted: ofField(row.type, name, persona, row),
    answer,
  }));
