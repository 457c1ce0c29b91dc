import { type GraphQLInputField, type GraphQLInputObjectType, getNamedType, isInputObjectType } from 'graphql';
import { schema } from '../../src/schema/schema.ts';
import { ruleOf } from '../authorization/access.ts';
import { meets, predictRoot, type Verdict } from './expected-verdicts.ts';
import type { Persona, Row, RowRef } from './personas.ts';
import { rowsOf } from './read-queries.ts';
import type { Observation } from './read-rows.ts';
import { verdictAt } from './schema-fields.ts';
import { type Data, forEachPersona, type Matrix, sequentially } from './seed.ts';

/** Values that the name and the type of the field do not tell. */
const specialValues: Readonly<Record<string, (row: Row, matrix: Matrix) => unknown>> = {
  'UserFilter.role': () => 'MEMBER',
  'UserFilter.deleted': () => false,
  'AuditEventFilter.actor': actorOf,
  'AuditEventFilter.domain': (row) => (row.shows?.domain ? 'inside' : null),
  'AuditEventFilter.action': (row) => row.name,
  'AuditEventFilter.result': () => 'OK',
  'AuditEventFilter.targetType': () => 'User',
  'AuditEventFilter.targetId': (row) => row.owner,
  'InvitationFilter.pending': () => false,
  'DomainFilter.active': (row) => row.kind === 'active domain',
  'DomainFilter.parent': (row) => (row.kind === 'active domain' ? 'above' : 'inside'),
};

/** Every field of every filter, with a value that finds the row; every order. */
export async function readFilters(matrix: Matrix): Promise<Observation[]> {
  const inputs = Object.values(schema.getTypeMap()).filter((type) => isInputObjectType(type) && /(Filter|Order)$/.test(type.name));
  const fields = inputs.flatMap((type) => Object.values((type as GraphQLInputObjectType).getFields()).map((field) => ({ type, field })));
  return (await sequentially(fields, ({ type, field }) => readFilter(matrix, type.name, field))).flat(2);
}

function readFilter(matrix: Matrix, type: string, { name, type: fieldType }: GraphQLInputField): Promise<Observation[][]> {
  const coordinate = `${type}.${name}`;
  const valueFor = specialValues[coordinate] ?? valueByName(name, getNamedType(fieldType).name);
  const model = type.replace(/(Filter|Order)$/, '');
  const list = `${model.charAt(0).toLowerCase()}${model.slice(1)}s`;
  const argument = type.endsWith('Order') ? 'orderBy' : 'filter';
  const document = `query ($criteria: ${type}) { ${list}(first: 40, ${argument}: $criteria) { edges { node { id } } } }`;
  return sequentially(rowsOf(matrix, model), (row) =>
    forEachPersona(async (persona) => {
      const answer = await matrix.queryAs(persona, row?.kind, document, { criteria: { [name]: row && valueFor(row, matrix) } });
      const at = (answer.data?.[list]?.edges ?? []).findIndex((edge: Data) => edge.node.id === row?.id);
      const verdict = verdictAt(answer, at < 0 && answer.data?.[list] ? [list, 'edges', -1] : [list]);
      const predicted = (predictFound[coordinate] ?? predictRoot)(coordinate, persona, row);
      return { coordinate, subject: row?.kind ?? '', persona, verdict, predicted, answer, about: row };
    }),
  );
}

function valueByName(name: string, type: string): (row: Row) => unknown {
  if (name === 'search') return (row) => row.name;
  if (name === 'user') return (row) => row.owner;
  if (name === 'domain') return () => 'inside';
  if (type === 'SortDirection') return () => 'ASC';
  if (type === 'Boolean') return () => true;
  if (/from$/i.test(name)) return () => '2000-01-01T00:00:00Z';
  if (/to$/i.test(name)) return () => '2099-01-01T00:00:00Z';
  throw new Error(`A filter field ${name} of type ${type} needs an entry in test/matrix/read-filters.ts`);
}

/** Filters by a row that the caller may not see find nothing. */
const predictFound: Readonly<Record<string, typeof predictRoot>> = {
  'UserFilter.role': (coordinate, persona, row) => predictIfVisible(coordinate, persona, row, { type: 'Role', kind: 'held role' }),
  'AuditEventFilter.actor': (coordinate, persona, row) => predictIfVisible(coordinate, persona, row, (row as Row).shows?.actor as RowRef),
};

function predictIfVisible(coordinate: string, persona: Persona, row: RowRef | undefined, by: RowRef): Verdict {
  const verdict = predictRoot(coordinate, persona, row);
  return verdict === '✔' && !meets(ruleOf(by.type), persona, row, by) ? '∅' : verdict;
}

/** The actor of an event: its user, or the superadmin who has granted all roles. */
function actorOf({ owner, shows }: Row, { caller }: Matrix) {
  return shows?.actor?.kind === 'the granter' ? caller('superadmin')?.id : owner;
}
