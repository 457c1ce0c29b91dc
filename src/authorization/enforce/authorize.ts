import type { Context } from '../../graphql/context.ts';
import { failure } from '../../errors.ts';
import { isUuid } from '../../lib/validators.ts';
import { denial } from '../evaluate/access-denied.ts';
import type { Model, Row } from '../../policy/ownership.ts';
import { models, ruleOf } from '../rules/registry.ts';
import { rowOf, verdict } from '../evaluate/decisions.ts';

/** Lets pass who may know of the row. Throws what others are told: their denial where no row would do, else that there is no such row. */
export function admit(context: Context, type: string, model: Model | undefined, row: Row): true | Promise<true> {
  const rule = ruleOf(type);
  const told = () => (verdict(context, rule) === undefined ? failure('NOT_FOUND') : denial(context, type));
  const met = verdict(context, rule, model, row);
  if (met === true) return true;
  if (!(met instanceof Promise)) throw told();
  return met.then((yes) => {
    if (yes) return true;
    throw told();
  });
}

/** Throws the denial of an argument that is given and may not be, of one that names a row NOT_FOUND; false is as if it were not given. */
export async function admitArgument(context: Context, place: string, value: unknown) {
  if (value == null || value === false) return;
  const model = models.get(place);
  if (verdict(context, ruleOf(place)) === false) throw denial(context, place);
  const { typename, id } = value as { typename?: string; id?: string };
  const isNamed = typename === model && id !== undefined && isUuid(id);
  const row = model && isNamed ? await ownOr(context, model, id) : undefined;
  if (model && !row) throw failure('NOT_FOUND');
  if ((await verdict(context, ruleOf(place), model, row ?? undefined)) !== true) throw denial(context, place);
}

/** The row that an argument names; everybody may name themselves. */
const ownOr = (context: Context, model: Model, id: string): Promise<Row | null> | Row | null =>
  model === 'User' && id === context.viewer?.user.id ? context.viewer.user : rowOf(context, model, id);
