import { ruleOf } from './access.ts';
import { rowsOf } from './matrix-reads.ts';
import type { Observation } from './matrix-rows.ts';
import { verdictAt } from './matrix-samples.ts';
import { meets, ofRoot, type Persona, type Row, type Seen, type Verdict } from './matrix-truth.ts';
import { type Data, forEach, inTurn, type SeededMatrix } from './matrix-world.ts';

/** What each part of a filter is given to find a row by; an order is given a direction. */
const criteria: Readonly<Record<string, (row: Row, matrix: SeededMatrix) => unknown>> = {
  'UserFilter.search': (row) => row.name,
  'UserFilter.role': () => 'MEMBER',
  'UserFilter.domain': () => 'inside',
  'UserFilter.enabled': () => true,
  'UserFilter.deleted': () => false,
  'UserFilter.confirmed': () => true,
  'UserFilter.createdFrom': () => '2000-01-01T00:00:00Z',
  'UserFilter.createdTo': () => '2099-01-01T00:00:00Z',
  'UserOrder.createdAt': () => 'ASC',
  'UserOrder.displayName': () => 'ASC',
  'UserOrder.email': () => 'ASC',
  'AuditEventFilter.user': (row) => row.owner,
  'AuditEventFilter.actor': actorOf,
  'AuditEventFilter.domain': (row) => (row.shows?.domain ? 'inside' : null),
  'AuditEventFilter.action': (row) => row.name,
  'AuditEventFilter.result': () => 'OK',
  'AuditEventFilter.from': () => new Date(),
  'AuditEventFilter.to': () => new Date(Date.now() + 7_200_000),
  'AuditEventFilter.targetType': () => 'User',
  'AuditEventFilter.targetId': (row) => row.owner,
  'InvitationFilter.domain': () => 'inside',
  'InvitationFilter.pending': () => false,
  'DomainFilter.search': (row) => row.name,
  'DomainFilter.active': (row) => row.kind === 'active domain',
  'DomainFilter.parent': (row) => (row.kind === 'active domain' ? 'above' : 'inside'),
};

/** Every part of a filter, on each row that it would find; every order. */
export async function readCriteria(matrix: SeededMatrix): Promise<Observation[]> {
  const asked = inTurn(Object.entries(criteria), ([coordinate, given]) => {
    const [type = '', name = ''] = coordinate.split('.');
    const model = type.replace(/(Filter|Order)$/, '');
    const [field, argument] = [`${model.charAt(0).toLowerCase()}${model.slice(1)}s`, type.endsWith('Order') ? 'orderBy' : 'filter'];
    const document = `query ($criteria: ${type}) { ${field}(first: 40, ${argument}: $criteria) { edges { node { id } } } }`;
    return inTurn(rowsOf(matrix, model), (row) =>
      forEach(async (persona) => {
        const answer = await matrix.ask(persona, row?.kind, document, { criteria: { [name]: row && given(row, matrix) } });
        const at = (answer.data?.[field]?.edges ?? []).findIndex((edge: Data) => edge.node.id === row?.id);
        const verdict = verdictAt(answer, at < 0 && answer.data?.[field] ? [field, 'edges', -1] : [field]);
        const predicted = (found[coordinate] ?? ofRoot)(coordinate, persona, row);
        return { coordinate, subject: row?.kind ?? '', persona, verdict, predicted, answer, about: row };
      }),
    );
  });
  return (await asked).flat(2);
}

/** Nothing is found by what the asker may not know of: a role, the user who did it. */
const found: Readonly<Record<string, typeof ofRoot>> = {
  'UserFilter.role': (coordinate, persona, row) => ofKnown(coordinate, persona, row, { type: 'Role', kind: 'held role' }),
  'AuditEventFilter.actor': (coordinate, persona, row) => ofKnown(coordinate, persona, row, (row as Row).shows?.actor as Seen),
};

function ofKnown(coordinate: string, persona: Persona, row: Seen | undefined, by: Seen): Verdict {
  const verdict = ofRoot(coordinate, persona, row);
  return verdict === '✔' && !meets(ruleOf(by.type), persona, row, by) ? '∅' : verdict;
}

/** Who did it: the owner, or the granter of all that the matrix has. */
function actorOf({ owner, shows }: Row, { caller }: SeededMatrix) {
  return shows?.actor?.kind === 'the granter' ? caller('superadmin')?.id : owner;
}
