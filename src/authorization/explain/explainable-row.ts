import type { Context } from '../../graphql/context.ts';
import { isUuid } from '../../lib/validators.ts';
import { finder, meeting } from '../evaluate/query-matching.ts';
import type { Model, Row } from '../../policy/ownership.ts';
import { abouts, ruleOf } from '../rules/registry.ts';
import { rowOf } from '../evaluate/decisions.ts';

/**
 * The row that a place is asked about, if the caller may know of it, else null. A mutation may be used on what is not read, as on a session that
 * was entered through the domain that the caller administers.
 */
export async function askableRow(context: Context, coordinate: string, model: Model, id: string): Promise<Row | null> {
  if (!isUuid(id)) return null;
  const row = await rowOf<Row>(context, model, id);
  if (row || !abouts.has(coordinate)) return row;
  const { prisma } = context.db;
  if (!(await meeting(prisma, ruleOf(coordinate), context.viewer, model, [id])).has(id)) return null;
  return (await finder(prisma, model).findMany({ where: { id } }))[0] ?? null;
}
