import type { AccessContext, ModelOf, PolicyTypes } from '../rules/policy.ts';
import { ruleOf } from '../rules/registry.ts';
import { evaluateRule, ruleToFilter } from './conditions.ts';
import { accessDenied, whereVisible } from './decisions.ts';

/** The filter for the rows that the viewer can see and that match `wanted`. Used for rows, counts and cursors alike. */
export const whereVisibleAnd = <T extends PolicyTypes, M extends ModelOf<T>>(
  context: AccessContext<T>,
  model: M,
  wanted: T['Where'][M] | undefined,
): T['Where'][M] => (wanted ? ({ AND: [whereVisible(context, model), wanted] } as object as T['Where'][M]) : whereVisible(context, model));

/**
 * Compiles a filter input. Each given part is combined with the rule of the field that it looks at, so that no viewer finds rows by
 * values that they cannot read. Throws the denial if the viewer cannot read the field of any row.
 */
export function filterWhere<T extends PolicyTypes, M extends ModelOf<T>, F extends object>(
  context: AccessContext<T>,
  model: M,
  inputType: string,
  input: F | null | undefined,
  parts: { [K in keyof F]-?: (value: NonNullable<F[K]>) => T['Where'][M] },
): T['Where'][M] | undefined {
  const entries = Object.entries(input ?? {}).filter(([, value]) => value !== null && value !== undefined);
  const filters = entries.map(([name, value]) => {
    const coordinate = `${inputType}.${name}`;
    const readable = ruleToFilter(context.access.policy, ruleOf(context, coordinate), context.viewer, model);
    if (readable === false) throw accessDenied(context, coordinate);
    const filter = (parts as Record<string, (value: unknown) => T['Where'][M]>)[name]?.(value);
    return readable === true ? filter : { AND: [readable, filter] };
  });
  return filters.length > 0 ? ({ AND: filters } as object as T['Where'][M]) : undefined;
}

/** Compiles an order input to one field that the viewer can read in every visible row, or none, and a direction. */
export function orderBy<T extends PolicyTypes>(
  context: AccessContext<T>,
  inputType: string,
  order: object | null | undefined,
): { readonly column?: string; readonly direction: 'asc' | 'desc' } {
  const { policy } = context.access;
  const entries = Object.entries(order ?? {}).filter(([, direction]) => direction) as [string, 'asc' | 'desc'][];
  if (entries.length > 1) throw policy.invalidInput({ orderBy: ['must name one field'] });
  const [entry] = entries;
  if (!entry) return { direction: 'asc' };
  const [column, direction] = entry;
  const coordinate = `${inputType}.${column}`;
  const rule = ruleOf(context, coordinate);
  const isReadable = evaluateRule(policy, rule, context.viewer);
  // An undecided rule is sufficient if it is the rule of the type, which every visible row satisfies.
  if (isReadable === false || (isReadable === undefined && rule !== ruleOf(context, inputType.replace(/Order$/, ''))))
    throw accessDenied(context, coordinate);
  return { column, direction };
}
