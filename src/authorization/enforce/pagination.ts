import { type GraphQLOutputType, getNamedType, isObjectType } from 'graphql';
import { validationError } from '../../errors.ts';
import type { Context } from '../../graphql/context.ts';
import { isUuid } from '../../lib/validators.ts';
import type { Model } from '../../policy/ownership.ts';
import { decide } from '../evaluate/decisions.ts';
import { ruleOf } from '../rules/registry.ts';

/** Which part of a list is asked for. */
export interface PaginationArgs {
  readonly first?: number | null;
  readonly last?: number | null;
  readonly after?: string | null;
  readonly before?: string | null;
}

const most = 100; // security.md F24

/** Checks the numbers of a page, and that its cursors stand at rows that the viewer may know of. Throws INVALID_INPUT. */
export function validatePagination(
  context: Context,
  connection: GraphQLOutputType,
  { first, last, after, before }: PaginationArgs,
): true | Promise<true> {
  if (first != null && last != null) throw validationError({ first: ['either first or last'] });
  for (const [name, size] of Object.entries({ first, last }))
    if (size != null && (size < 1 || size > most)) throw validationError({ [name]: [`1 to ${most}`] });
  const cursors = Object.entries({ after, before }).flatMap(([name, cursor]) => (cursor == null ? [] : [[name, cursor] as const]));
  if (cursors.length === 0) return true;
  return Promise.all(cursors.map(([name, cursor]) => checkCursor(context, modelOf(connection), name, cursor))).then(() => true);
}

/** A cursor at a hidden row is none, as one at no row is. */
async function checkCursor(context: Context, model: Model, name: string, cursor: string) {
  const id = idOf(cursor);
  if (!isUuid(id) || (await decide(context, ruleOf(model), model, { id })) !== true)
    throw validationError({ [name]: ['no cursor of this list'] });
}

/** The id of the row that a cursor stands at; empty for what is no cursor. */
export const idOf = (cursor: string) => /^GPC:S:(.*)$/.exec(Buffer.from(cursor, 'base64').toString())?.[1] ?? '';

/** The model whose rows a connection lists. */
function modelOf(connection: GraphQLOutputType): Model {
  const node = fieldOf(fieldOf(connection, 'edges'), 'node');
  return getNamedType(node)?.extensions.pothosPrismaModel as Model;
}

function fieldOf(type: GraphQLOutputType | undefined, field: string): GraphQLOutputType | undefined {
  const named = getNamedType(type);
  return isObjectType(named) ? named.getFields()[field]?.type : undefined;
}
