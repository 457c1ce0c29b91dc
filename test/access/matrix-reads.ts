import type { Observation } from './matrix-rows.ts';
import { everyField, fieldsOf, verdictAt } from './matrix-samples.ts';
import { ofField, ofRoot, type Persona, type Row, type Verdict } from './matrix-truth.ts';
import { type Data, type Furnished, forEach, inTurn } from './matrix-world.ts';

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
  path: ['user', field, ...inner, ...(inner.length > 0 ? [0] : [])],
  via: `User.${field}`,
  about: 'User',
});
const list = (field: string, inner: string[] = []): Sample => ({
  document: (fields) => `{ ${[`${field}(first: 1)`, ...inner, fields].join(' { ')} ${' }'.repeat(inner.length + 1)} }`,
  path: [field, ...inner, ...(inner[0] === 'edges' ? [0] : [])],
  via: `Query.${field}`,
});
const root = (field: string, args = '', about?: string): Sample => ({
  document: () => `${about ? `query (${args.includes('$name') ? '$name: String!' : '$id: ID!'}) ` : ''}{ ${field}${args} { __typename } }`,
  path: [field],
  via: `Query.${field}`,
  ...(about && { about }),
});
const children = (inner: string) => ({
  ...list('', []),
  document: (fields: string) => `query ($name: String!) { domain(name: $name) { children ${inner.replace('*', fields)} } }`,
  via: 'Domain.children',
  about: 'Domain',
});

/** How an object of each type is reached that is neither a node nor what a mutation or subscription answers. */
const types: Readonly<Record<string, Sample>> = {
  Node: { document: (fields) => `query ($id: ID!) { node(id: $id) { ${fields} } }`, path: ['node'], via: 'Query.node', about: 'User' },
  PageInfo: list('domains', ['pageInfo']),
  Viewer: {
    document: (fields) => `{ viewer { ${fields} } }`,
    path: ['viewer'],
    via: 'Query.viewer',
    nothing: ['user', 'token', 'authenticatedAt'],
  },
  AccessRule: { document: (fields) => `{ accessRules(type: "User") { ${fields} } }`, path: ['accessRules', 0], via: 'Query.accessRules' },
  UserConnection: list('users'),
  UserEdge: list('users', ['edges']),
  RoleConnection: list('roles'),
  RoleEdge: list('roles', ['edges']),
  DomainConnection: list('domains'),
  DomainEdge: list('domains', ['edges']),
  DomainChildrenConnection: { ...children('{ * }'), path: ['domain', 'children'] },
  DomainChildrenConnectionEdge: { ...children('{ edges { * } }'), path: ['domain', 'children', 'edges', 0] },
  UserTokensConnection: ofUser('tokens'),
  UserTokensConnectionEdge: ofUser('tokens', ['edges']),
  UserSettingsConnection: ofUser('settings'),
  UserSettingsConnectionEdge: ofUser('settings', ['edges']),
};

/** How each query is asked. */
const queries: Readonly<Record<string, Sample>> = {
  'Query.me': { ...root('me'), nothing: ['me'] },
  'Query.viewer': root('viewer'),
  'Query.node': root('node', '(id: $id)', 'User'),
  'Query.nodes': { ...root('nodes', '(ids: [$id])', 'User'), path: ['nodes', 0] },
  'Query.user': root('user', '(id: $id)', 'User'),
  'Query.users': root('users'),
  'Query.role': root('role', '(name: $name)', 'Role'),
  'Query.roles': root('roles'),
  'Query.domain': root('domain', '(name: $name)', 'Domain'),
  'Query.domains': root('domains'),
  'Query.accessRules': root('accessRules'),
};

/** The fields of the objects that are reached, of those whom `about` names only the first. */
export async function readTypes(matrix: Furnished): Promise<Observation[]> {
  const asked = inTurn(Object.entries(types), ([type, sample]) => {
    const row = sample.about === undefined ? undefined : matrix.rows.find((one) => one.type === sample.about);
    return forEach(async (persona) => {
      const answer = await ask(matrix, persona, sample, row, everyField(type));
      const isReached = verdictAt(answer, sample.path) === '✔';
      const isPredicted = ofVia(sample.via, persona, row) === '✔';
      return fieldsOf(type).map(({ name }) => ({
        coordinate: `${type}.${name}`,
        subject: row?.kind ?? '',
        persona,
        verdict: isReached ? verdictAt(answer, [...sample.path, name]) : undefined,
        predicted: isPredicted ? (isNothing(sample, name, persona) ?? ofField(type, name, persona)) : undefined,
        answer,
      }));
    });
  });
  return (await asked).flat(2);
}

/** Every query, about every row that it can be asked about. */
export async function readQueries(matrix: Furnished): Promise<Observation[]> {
  const asked = inTurn(Object.entries(queries), ([coordinate, sample]) =>
    inTurn(rowsOf(matrix, sample.about), (row) =>
      forEach(async (persona) => {
        const answer = await ask(matrix, persona, sample, row, '');
        const predicted = isNothing(sample, sample.path[0], persona) ?? ofRoot(coordinate, persona, row);
        return { coordinate, subject: row?.kind ?? '', persona, verdict: verdictAt(answer, sample.path), predicted, answer };
      }),
    ),
  );
  return (await asked).flat(2);
}

/** What each part of a filter is given to find a row by; an order is given a direction. */
const criteria: Readonly<Record<string, (row: Row) => unknown>> = {
  'UserFilter.search': (row) => row.name,
  'UserFilter.role': () => 'MEMBER',
  'UserFilter.domain': () => 'inside',
  'UserFilter.enabled': () => true,
  'UserOrder.createdAt': () => 'ASC',
  'UserOrder.displayName': () => 'ASC',
  'UserOrder.email': () => 'ASC',
  'DomainFilter.search': (row) => row.name,
  'DomainFilter.active': (row) => row.kind === 'active domain',
  'DomainFilter.parent': (row) => (row.kind === 'active domain' ? 'above' : 'inside'),
};

/** Every part of a filter, on each row that it would find; every order. */
export async function readCriteria(matrix: Furnished): Promise<Observation[]> {
  const asked = inTurn(Object.entries(criteria), ([coordinate, given]) => {
    const [type = '', name = ''] = coordinate.split('.');
    const model = type.replace(/(Filter|Order)$/, '');
    const [field, argument] = [`${model.toLowerCase()}s`, type.endsWith('Order') ? 'orderBy' : 'filter'];
    const document = `query ($criteria: ${type}) { ${field}(first: 40, ${argument}: $criteria) { edges { node { id } } } }`;
    return inTurn(rowsOf(matrix, model), (row) =>
      forEach(async (persona) => {
        const answer = await matrix.ask(persona, row?.kind, document, { criteria: { [name]: row && given(row) } });
        const at = (answer.data?.[field]?.edges ?? []).findIndex((edge: Data) => edge.node.id === row?.id);
        const verdict = verdictAt(answer, at < 0 && answer.data?.[field] ? [field, 'edges', -1] : [field]);
        return { coordinate, subject: row?.kind ?? '', persona, verdict, predicted: ofRoot(coordinate, persona, row), answer };
      }),
    );
  });
  return (await asked).flat(2);
}

const rowsOf = (matrix: Furnished, about: string | undefined): (Row | undefined)[] =>
  about === undefined ? [undefined] : matrix.rows.filter((row) => row.type === about);

const ask = (matrix: Furnished, persona: Persona, sample: Sample, row: Row | undefined, fields: string) => {
  const document = sample.document(fields);
  const variables = { ...(document.includes('$id:') && { id: row?.id }), ...(document.includes('$name:') && { name: row?.name }) };
  return matrix.ask(persona, row?.kind, document, variables);
};

function ofVia(via: string, persona: Persona, row?: Row): Verdict {
  const [type = '', field = ''] = via.split('.');
  return type === 'Query' ? ofRoot(via, persona, row) : ofField(type, field, persona, row);
}

const isNothing = (sample: Sample, field: string | number | undefined, persona: Persona): Verdict | undefined =>
  persona === 'anonymous' && sample.nothing?.includes(String(field)) ? '∅' : undefined;
