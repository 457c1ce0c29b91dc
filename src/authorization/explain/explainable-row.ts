import { findMatchingRows } from '../evaluate/conditions.ts';
import { loadVisible } from '../evaluate/decisions.ts';
import type { AccessContext, ModelOf, PolicyTypes, Row } from '../rules/policy.ts';
import { ruleOf } from '../rules/registry.ts';

/**
 * The row that an explanation is about, if the viewer can see it or, for a mutation, may run the mutation on it; otherwise null. Some rows can
 * be changed without being readable.
 */
export async function explainableRow<T extends PolicyTypes>(
  context: AccessContext<T>,
  coordinate: string,
  model: ModelOf<T>,
  id: string,
): Promise<Row | null> {
  const { policy, mutationTargets } = context.access;
  if (!policy.isRowId(id)) return null;
  const row = await loadVisible(context, model, id);
  if (row || !mutationTargets.has(coordinate)) return row;
  const client = policy.client(context);
  const matching = await findMatchingRows(policy, client, ruleOf(context, coordinate), context.viewer, { model, ids: [id] });
  if (!matching.has(id)) return null;
  return (await policy.delegate(client, model).findMany({ where: { id } }))[0] ?? null;
}
