import { validationError } from '../../errors.ts';
import type { Context } from '../../graphql/context.ts';
import { evaluateInMemory, toWhere } from '../../policy/evaluators.ts';
import type { Model, Where } from '../../policy/ownership.ts';
import { ruleOf } from '../rules/registry.ts';
import { accessDenied } from './access-denied.ts';
import { whereVisible } from './decisions.ts';

/** Only what the viewer may know of, and of that only what was asked for; the same for rows, counts and cursors. */
export const whereVisibleAnd = <M extends Model>(context: Context, model: M, wanted: Where[M] | undefined): Where[M] =>
  (wanted ? { AND: [whereVisible(context, model), wanted] } : whereVisible(context, model)) as Where[M];

/**
 * The condition of a filter: each part that was given, and with each the rule of the field that it looks at, so that nothing is found by
 * what may not be read. Throws what a denied viewer is told where no row could be asked about.
 */
export function filterWhere<M extends Model, F extends object>(
  context: Context,
  model: M,
  type: string,
  filter: F | null | undefined,
  parts: { [K in keyof F]-?: (value: NonNullable<F[K]>) => Where[M] },
): Where[M] | undefined {
  const given = Object.entries(filter ?? {}).filter(([, value]) => value !== null && value !== undefined);
  const conditions = given.map(([name, value]) => {
    const coordinate = `${type}.${name}`;
    const met = toWhere(ruleOf(coordinate), context.viewer, model);
    if (met === false) throw accessDenied(context, coordinate);
    const wanted = (parts as Record<string, (value: unknown) => Where[M]>)[name]?.(value);
    return met === true ? wanted : { AND: [met, wanted] };
  });
  return conditions.length > 0 ? ({ AND: conditions } as Where[M]) : undefined;
}

/** The order that was asked for, by fields that the viewer may read of every row; the id last, so that it is total. */
export function orderBy(context: Context, type: string, order: object | null | undefined) {
  const asked = Object.entries(order ?? {}).filter(([, direction]) => direction);
  if (asked.length > 1) throw validationError({ orderBy: ['one field'] });
  for (const [name] of asked) {
    const coordinate = `${type}.${name}`;
    const may = evaluateInMemory(ruleOf(coordinate), context.viewer);
    if (may === false || (may === undefined && ruleOf(coordinate) !== ruleOf(type.replace(/Order$/, ''))))
      throw accessDenied(context, coordinate);
  }
  const direction = asked[0]?.[1] ?? 'asc';
  return [...asked.map(([name, way]) => ({ [name]: way as 'asc' | 'desc' })), { id: direction as 'asc' | 'desc' }];
}
