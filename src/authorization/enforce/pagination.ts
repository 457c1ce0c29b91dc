import { type GraphQLOutputType, getNamedType, isObjectType } from 'graphql';
import { decide } from '../evaluate/decisions.ts';
import type { AccessContext } from '../rules/policy.ts';
import { ruleOf } from '../rules/registry.ts';

/** The arguments of a connection. */
export interface PaginationArgs {
  readonly first?: number | null;
  readonly last?: number | null;
  readonly after?: string | null;
  readonly before?: string | null;
}

const maxPageSize = 100; // security.md F24

/** Checks the page size, and that cursors point at rows that the viewer can see. Throws the policy's error for invalid input. */
export function validatePagination(
  context: AccessContext,
  connection: GraphQLOutputType,
  { first, last, after, before }: PaginationArgs,
): true | Promise<true> {
  const { invalidInput } = context.access.policy;
  if (first != null && last != null) throw invalidInput({ first: ['must not be combined with `last`'] });
  for (const [name, size] of Object.entries({ first, last }))
    if (size != null && (size < 1 || size > maxPageSize)) throw invalidInput({ [name]: [`must be between 1 and ${maxPageSize}`] });
  const cursors = Object.entries({ after, before }).flatMap(([name, cursor]) => (cursor == null ? [] : [{ name, cursor }]));
  if (cursors.length === 0) return true;
  return Promise.all(cursors.map((one) => validateCursor(context, connection, one))).then(() => true);
}

/** A cursor at a hidden row is answered like one that points nowhere. */
async function validateCursor(context: AccessContext, connection: GraphQLOutputType, { name, cursor }: { name: string; cursor: string }) {
  const { policy } = context.access;
  const id = idOf(cursor);
  const model = modelOf(connection);
  if (!policy.isRowId(id) || (await decide(context, ruleOf(context, model), model, { id })) !== true)
    throw policy.invalidInput({ [name]: ['must be a cursor of this list'] });
}

/** The id of the row that a cursor of the Prisma plugin points at; empty if the text is no such cursor. */
export const idOf = (cursor: string) => /^GPC:S:(?<id>.*)$/.exec(Buffer.from(cursor, 'base64').toString())?.groups?.id ?? '';

/** The model whose rows a connection lists. */
function modelOf(connection: GraphQLOutputType): string {
  const node = fieldType(fieldType(connection, 'edges'), 'node');
  return getNamedType(node)?.extensions.pothosPrismaModel as string;
}

function fieldType(type: GraphQLOutputType | undefined, field: string): GraphQLOutputType | undefined {
  const named = getNamedType(type);
  return isObjectType(named) ? named.getFields()[field]?.type : undefined;
}
