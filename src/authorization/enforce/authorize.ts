import { graphqlError } from '../../errors.ts';
import type { Context } from '../../graphql/context.ts';
import { isUuid } from '../../lib/validators.ts';
import type { Model, Row } from '../../policy/ownership.ts';
import { accessDenied } from '../evaluate/access-denied.ts';
import { decide, loadVisible } from '../evaluate/decisions.ts';
import { modelByCoordinate, ruleOf } from '../rules/registry.ts';

/** Lets pass who may know of the row. Throws what others are told: their denial where no row would do, else that there is no such row. */
export function authorizeObject(context: Context, type: string, model: Model | undefined, row: Row): true | Promise<true> {
  const rule = ruleOf(type);
  const told = () => (decide(context, rule) === undefined ? graphqlError('NOT_FOUND') : accessDenied(context, type));
  const met = decide(context, rule, model, row);
  if (met === true) return true;
  if (!(met instanceof Promise)) throw told();
  return met.then((yes) => {
    if (yes) return true;
    throw told();
  });
}

/** Throws the denial of an argument that is given and may not be, of one that names a row NOT_FOUND; false is as if it were not given. */
export async function authorizeArgument(context: Context, place: string, value: unknown) {
  if (value == null || value === false) return;
  const model = modelByCoordinate.get(place);
  if (decide(context, ruleOf(place)) === false) throw accessDenied(context, place);
  const { typename, id } = value as { typename?: string; id?: string };
  const isNamed = typename === model && id !== undefined && isUuid(id);
  const row = model && isNamed ? await ownOr(context, model, id) : undefined;
  if (model && !row) throw graphqlError('NOT_FOUND');
  if ((await decide(context, ruleOf(place), model, row ?? undefined)) !== true) throw accessDenied(context, place);
}

/** The row that an argument names; everybody may name themselves. */
const ownOr = (context: Context, model: Model, id: string): Promise<Row | null> | Row | null =>
  model === 'User' && id === context.viewer?.user.id ? context.viewer.user : loadVisible(context, model, id);
