import { ruleOf } from '../../src/access/rules.ts';
import { rowsOf } from './matrix-reads.ts';
import type { Observation } from './matrix-rows.ts';
import { verdictAt } from './matrix-samples.ts';
import { meets, ofRoot, type Persona, type Row, type Verdict } from './matrix-truth.ts';
import { type Data, type Furnished, forEach, inTurn } from './matrix-world.ts';

/** What each part of a filter is given to find a row by; an order is given a direction. */
const criteria: Readonly<Record<string, (row: Row) => unknown>> = {
  'UserFilter.search': (row) => row.name,
  'UserFilter.role': () => 'MEMBER',
  'UserFilter.domain': () => 'inside',
  'UserFilter.enabled': () => true,
  'UserFilter.confirmed': () => true,
  'UserFilter.createdFrom': () => '2000-01-01T00:00:00Z',
  'UserFilter.createdTo': () => '2099-01-01T00:00:00Z',
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
        const predicted = coordinate === 'UserFilter.role' ? ofRole(persona, row) : ofRoot(coordinate, persona, row);
        return { coordinate, subject: row?.kind ?? '', persona, verdict, predicted, answer, about: row };
      }),
    );
  });
  return (await asked).flat(2);
}

/** Nobody is found by a role that the asker may not know of. */
function ofRole(persona: Persona, row?: Row): Verdict {
  const verdict = ofRoot('UserFilter.role', persona, row);
  return verdict === '✔' && !meets(ruleOf('Role'), persona, { type: 'Role', kind: 'held role' }) ? '∅' : verdict;
}
