import { encodeGlobalID } from '@pothos/plugin-relay';
import type { QueryResult } from '../test-server.ts';
import { predictField, predictMutation, predictRoot, type Verdict } from './expected-verdicts.ts';
import type { Persona, Row } from './personas.ts';
import { type List, lists, type Observation } from './read-rows.ts';
import { everyField, fieldsOf, verdictAt } from './schema-fields.ts';
import { type Data, forEachPersona, type Matrix, sequentially } from './seed.ts';

/** The path to a root field, or to a type that is not a node. `about` is the type of the rows that `$id` or `$name` select. */
interface Sample {
  readonly document: (fields: string) => string;
  readonly path: readonly (string | number)[];
  /** The field that leads to it. */
  readonly via: string;
  readonly about?: string;
  /** Fields that are null for anonymous. */
  readonly nullForAnonymous?: readonly string[];
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
/** The paths to the connection and edge types of a connection. */
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

const unknownUser = encodeGlobalID('User', '01900000-0000-7000-8000-000000000000');
const checked = (inner: string): Sample => ({
  document: (fields) =>
    `{ checkOperation(document: "{ user(id: \\"${unknownUser}\\") { email } }") { ${inner ? `${inner} { ${fields} }` : fields} } }`,
  path: ['checkOperation', ...(inner ? [inner, 0] : [])],
  via: 'Query.checkOperation',
});

/** The path to an object of each type that is neither a node nor the result of a mutation or subscription. */
const types: Readonly<Record<string, Sample>> = {
  Node: { document: (fields) => `query ($id: ID!) { node(id: $id) { ${fields} } }`, path: ['node'], via: 'Query.node', about: 'User' },
  PageInfo: { ...root('domains'), document: (fields) => `{ domains { pageInfo { ${fields} } } }`, path: ['domains', 'pageInfo'] },
  Viewer: { ...root('viewer'), document: (fields) => `{ viewer { ${fields} } }`, nullForAnonymous: ['user', 'token', 'authenticatedAt'] },
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

/** The operation of each query. */
const queries: Readonly<Record<string, Sample>> = {
  'Query.me': { ...root('me'), nullForAnonymous: ['me'] },
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

/** Reads the fields of these objects, for the first row of the type `about`. */
export async function readTypes(matrix: Matrix): Promise<Observation[]> {
  const observed = sequentially(Object.entries(types), ([type, sample]) => {
    const row = sample.about === undefined ? undefined : matrix.rows.find((one) => one.type === sample.about);
    const shown = matrix.fieldReads.find((one) => one.type === type);
    return forEachPersona(async (persona) => {
      const answer = await execute(matrix, persona, sample, row, everyField(type));
      const isReached = verdictAt(answer, sample.path) === '✔';
      const isPredicted = predictFieldOf(sample.via, persona, row) === '✔' && !isEmpty(answer, sample);
      return fieldsOf(type).map(({ name }) => ({
        coordinate: `${type}.${name}`,
        subject: row?.kind ?? '',
        persona,
        verdict: isReached ? verdictAt(answer, [...sample.path, name]) : undefined,
        predicted: isPredicted ? (isNothing(sample, name, persona) ?? predictField(type, name, persona, shown)) : undefined,
        answer,
        about: shown,
      }));
    });
  });
  return (await observed).flat(2);
}

/** Executes every query, for every row of the type `about`. */
export async function readQueries(matrix: Matrix): Promise<Observation[]> {
  const observed = sequentially(Object.entries(queries), ([coordinate, sample]) =>
    sequentially(rowsOf(matrix, sample.about), (row) =>
      forEachPersona(async (persona) => {
        const answer = await execute(matrix, persona, sample, row, '');
        const isArgument = coordinate.endsWith(':)');
        const rooted = isArgument ? predictMutation(coordinate, persona, row) : predictRoot(coordinate, persona, row);
        const predicted = isNothing(sample, sample.path[0], persona) ?? rooted;
        return { coordinate, subject: row?.kind ?? '', persona, verdict: verdictAt(answer, sample.path), predicted, answer, about: row };
      }),
    ),
  );
  return (await observed).flat(2);
}

/** The rows of a type; one undefined row if no type is given. */
export const rowsOf = (matrix: Matrix, about: string | undefined): (Row | undefined)[] =>
  about === undefined ? [undefined] : matrix.rows.filter((row) => row.type === about);

const execute = (matrix: Matrix, persona: Persona, sample: Sample, row: Row | undefined, fields: string) => {
  const document = sample.document(fields);
  const variables = { ...(document.includes('$id:') && { id: row?.id }), ...(document.includes('$name:') && { name: row?.name }) };
  return matrix.queryAs(persona, row?.kind, document, variables);
};

function predictFieldOf(via: string, persona: Persona, row?: Row): Verdict {
  const [type = '', field = ''] = via.split('.');
  if (type === 'Mutation') return predictMutation(via, persona, row);
  return type === 'Query' ? predictRoot(via, persona, row) : predictField(type, field, persona, row);
}

/** True if the connection is empty for the persona; which rows it contains is verified by the second path. */
const isEmpty = ({ data }: QueryResult<Data>, { path }: Sample) =>
  path.at(-2) === 'edges' && path.slice(0, -1).reduce((at, key) => at?.[key], data)?.length === 0;

const isNothing = (sample: Sample, field: string | number | undefined, persona: Persona): Verdict | undefined =>
  persona === 'anonymous' && sample.nullForAnonymous?.includes(String(field)) ? '∅' : undefined;
