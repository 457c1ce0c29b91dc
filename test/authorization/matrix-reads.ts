import { encodeGlobalID } from '@pothos/plugin-relay';
import type { QueryResult } from '../test-server.ts';
import { type List, lists, type Observation } from './matrix-rows.ts';
import { everyField, fieldsOf, verdictAt } from './matrix-samples.ts';
import { ofField, ofMutation, ofRoot, type Persona, type Row, type Verdict } from './matrix-truth.ts';
import { type Data, forEach, inTurn, type SeededMatrix } from './matrix-world.ts';

/** How a type that is no node, or a root field, is reached. `about`: the type of the rows that are asked about, by `$id` or `$name`. */
interface Sample {
  readonly document: (fields: string) => string;
  readonly path: readonly (string | number)[];
  /** The field that leads there. */
  readonly via: string;
  readonly about?: string;
  /** Fields that have nothing to show to nobody. */
  readonly nothing?: readonly string[];
}

const ofUser = (field: string, inner: string[] = []): Sample => ({
  document: (fields) => `query ($id: ID!) { user(id: $id) { ${[field, ...inner, fields].join(' { ')} ${' }'.repeat(inner.length + 1)} } }`,
  path: ['user', field, ...inner.flatMap((name) => (name === 'edges' ? [name, 0] : [name]))],
  via: `User.${field}`,
  about: 'User',
});
const root = (field: string, args = '', about?: string): Sample => ({
  document: () => `${about ? `query (${args.includes('$name') ? '$name: String!' : '$id: ID!'}) ` : ''}{ ${field}${args} { __typename } }`,
  path: [field],
  via: `Query.${field}`,
  ...(about && { about }),
});
/** How the pages and the entries of a list are reached, by their types. */
const ofList = ({ parent, field, page, entry }: List): [string, Sample][] => {
  const isRoot = parent === 'Query';
  const document = (fields: string) =>
    isRoot
      ? `{ ${field}(first: 1) { ${fields} } }`
      : `query ($id: ID!) { node(id: $id) { ... on ${parent} { ${field}(first: 1) { ${fields} } } } }`;
  const sample = { via: `${parent}.${field}`, path: isRoot ? [field] : ['node', field], ...(!isRoot && { about: parent }) };
  return [
    [page, { ...sample, document }],
    [entry, { ...sample, document: (fields) => document(`edges { ${fields} }`), path: [...sample.path, 'edges', 0] }],
  ];
};

const nobodys = encodeGlobalID('User', '01900000-0000-7000-8000-000000000000');
const checked = (inner: string): Sample => ({
  document: (fields) =>
    `{ checkOperation(document: "{ user(id: \\"${nobodys}\\") { email } }") { ${inner ? `${inner} { ${fields} }` : fields} } }`,
  path: ['checkOperation', ...(inner ? [inner, 0] : [])],
  via: 'Query.checkOperation',
});

/** How an object of each type is reached that is neither a node nor what a mutation or subscription answers. */
const types: Readonly<Record<string, Sample>> = {
  Node: { document: (fields) => `query ($id: ID!) { node(id: $id) { ${fields} } }`, path: ['node'], via: 'Query.node', about: 'User' },
  PageInfo: { ...root('domains'), document: (fields) => `{ domains { pageInfo { ${fields} } } }`, path: ['domains', 'pageInfo'] },
  Viewer: { ...root('viewer'), document: (fields) => `{ viewer { ${fields} } }`, nothing: ['user', 'token', 'authenticatedAt'] },
  Country: { ...root('countries'), document: (fields) => `{ countries { ${fields} } }`, path: ['countries', 0] },
  AccessRule: { document: (fields) => `{ accessRules(type: "User") { ${fields} } }`, path: ['accessRules', 0], via: 'Query.accessRules' },
  AccessExplanation: { ...root('explainAccess'), document: (fields) => `{ explainAccess(coordinate: "Query.users") { ${fields} } }` },
  OperationCheck: checked(''),
  AccessDenial: checked('denied'),
  ViewerAccess: ofUser('viewerAccess'),
  OperationAccess: { ...ofUser('viewerAccess', ['operations']), path: ['user', 'viewerAccess', 'operations', 0] },
  AccessChange: {
    document: (fields) =>
      `mutation ($id: ID!) { grantRole(input: { userId: $id, role: "READER", domain: "inside", dryRun: true }) { changes { ${fields} } } }`,
    path: ['grantRole', 'changes', 0],
    via: 'Mutation.grantRole',
    about: 'User',
  },
  Job: { document: (fields) => `{ jobs { ${fields} } }`, path: ['jobs', 0], via: 'Query.jobs' },
  FieldRead: ofUser('fieldReads', ['edges', 'node']),
  TokenReuse: {
    ...ofUser('tokens', ['edges', 'node', 'reuse']),
    document: (fields) =>
      `query ($id: ID!) { user(id: $id) { tokens(revoked: true, first: 1) { edges { node { reuse { ${fields} } } } } } }`,
  },
  ...Object.fromEntries(lists.flatMap(ofList)),
};

/** How each query is asked. */
const queries: Readonly<Record<string, Sample>> = {
  'Query.me': { ...root('me'), nothing: ['me'] },
  'Query.viewer': root('viewer'),
  'Query.node': root('node', '(id: $id)', 'User'),
  'Query.nodes': { ...root('nodes', '(ids: [$id])', 'User'), path: ['nodes', 0] },
  'Query.user': root('user', '(id: $id)', 'User'),
  'Query.role': root('role', '(name: $name)', 'Role'),
  'Query.domain': root('domain', '(name: $name)', 'Domain'),
  ...Object.fromEntries(lists.filter(({ parent }) => parent === 'Query').map(({ field }) => [`Query.${field}`, root(field)])),
  'Query.tokenRevocations(all:)': root('tokenRevocations', '(all: true)'),
  'Query.tokenRevocations(userId:)': root('tokenRevocations', '(userId: $id)', 'User'),
  'Query.countries': root('countries'),
  'Query.jobs': root('jobs'),
  'Query.accessRules': root('accessRules'),
  'Query.explainAccess': root('explainAccess', '(coordinate: "Query.users")'),
  'Query.explainAccess(as:)': root('explainAccess', '(coordinate: "User.email", nodeId: $id, as: $id)', 'User'),
  'Query.checkOperation': root('checkOperation', '(document: "{ users { totalCount } }")'),
  'Query.checkOperation(as:)': root('checkOperation', '(document: "{ users { totalCount } }", as: $id)', 'User'),
};

/** The fields of the objects that are reached, of those whom `about` names only the first. */
export async function readTypes(matrix: SeededMatrix): Promise<Observation[]> {
  const asked = inTurn(Object.entries(types), ([type, sample]) => {
    const row = sample.about === undefined ? undefined : matrix.rows.find((one) => one.type === sample.about);
    const shown = matrix.readings.find((one) => one.type === type);
    return forEach(async (persona) => {
      const answer = await ask(matrix, persona, sample, row, everyField(type));
      const isReached = verdictAt(answer, sample.path) === '✔';
      const isPredicted = ofVia(sample.via, persona, row) === '✔' && !isEmpty(answer, sample);
      return fieldsOf(type).map(({ name }) => ({
        coordinate: `${type}.${name}`,
        subject: row?.kind ?? '',
        persona,
        verdict: isReached ? verdictAt(answer, [...sample.path, name]) : undefined,
        predicted: isPredicted ? (isNothing(sample, name, persona) ?? ofField(type, name, persona, shown)) : undefined,
        answer,
        about: shown,
      }));
    });
  });
  return (await asked).flat(2);
}

/** Every query, about every row that it can be asked about. */
export async function readQueries(matrix: SeededMatrix): Promise<Observation[]> {
  const asked = inTurn(Object.entries(queries), ([coordinate, sample]) =>
    inTurn(rowsOf(matrix, sample.about), (row) =>
      forEach(async (persona) => {
        const answer = await ask(matrix, persona, sample, row, '');
        const isArgument = coordinate.endsWith(':)');
        const rooted = isArgument ? ofMutation(coordinate, persona, row) : ofRoot(coordinate, persona, row);
        const predicted = isNothing(sample, sample.path[0], persona) ?? rooted;
        return { coordinate, subject: row?.kind ?? '', persona, verdict: verdictAt(answer, sample.path), predicted, answer, about: row };
      }),
    ),
  );
  return (await asked).flat(2);
}

/** The rows of a type that are asked about, or no row. */
export const rowsOf = (matrix: SeededMatrix, about: string | undefined): (Row | undefined)[] =>
  about === undefined ? [undefined] : matrix.rows.filter((row) => row.type === about);

const ask = (matrix: SeededMatrix, persona: Persona, sample: Sample, row: Row | undefined, fields: string) => {
  const document = sample.document(fields);
  const variables = { ...(document.includes('$id:') && { id: row?.id }), ...(document.includes('$name:') && { name: row?.name }) };
  return matrix.ask(persona, row?.kind, document, variables);
};

function ofVia(via: string, persona: Persona, row?: Row): Verdict {
  const [type = '', field = ''] = via.split('.');
  if (type === 'Mutation') return ofMutation(via, persona, row);
  return type === 'Query' ? ofRoot(via, persona, row) : ofField(type, field, persona, row);
}

/** A list may have no entry for somebody; which rows it has, the second way to them shows. */
const isEmpty = ({ data }: QueryResult<Data>, { path }: Sample) =>
  path.at(-2) === 'edges' && path.slice(0, -1).reduce((at, key) => at?.[key], data)?.length === 0;

const isNothing = (sample: Sample, field: string | number | undefined, persona: Persona): Verdict | undefined =>
  persona === 'anonymous' && sample.nothing?.includes(String(field)) ? '∅' : undefined;
