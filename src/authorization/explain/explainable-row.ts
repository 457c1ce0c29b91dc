import type { Context } from '../../graphql/context.ts';
import { isUuid } from '../../lib/validators.ts';
import type { Model, Row } from '../../policy/ownership.ts';
import { loadVisible } from '../evaluate/decisions.ts';
import { findMatchingIds, modelDelegate } from '../evaluate/query-matching.ts';
import { mutationTargets, ruleOf } from '../rules/registry.ts';

/**
 * The row that a place is asked about, if the caller may know of it, else null. A mutation may be used on what is not read, as on a session that
 * was entered through the domain that the caller administers.
 */
export async function explainableRow(context: Context, coordinate: string, model: Model, id: string): Promise<Row | null> {
  if (!isUuid(id)) return null;
  const row = await loadVisible<Row>(context, model, id);
  if (row || !mutationTargets.has(coordinate)) return row;
  const { prisma } = context.db;
  if (!(await findMatchingIds(prisma, ruleOf(coordinate), context.viewer, model, [id])).has(id)) return null;
  return (await modelDelegate(prisma, model).findMany({ where: { id } }))[0] ?? null;
}
