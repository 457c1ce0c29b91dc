import { type GraphQLResolveInfo, getArgumentValues } from 'graphql';
import { inputCoordinates, mutationTargetId } from '../authorization/evaluate/coordinates.ts';
import { accessDenied } from '../authorization/evaluate/decisions.ts';
import { ruleOf } from '../authorization/rules/registry.ts';
import type { Rule } from '../authorization/rules/rule.ts';
import { sql, type Tx } from '../database/database.ts';
import { Prisma } from '../database/generated/prisma/client.ts';
import { graphqlError, isSerializationFailure, requestError } from '../errors.ts';
import { recordAuditEvent } from '../identity/audit/record-event.ts';
import type { AuditedTransaction } from '../identity/audited-transaction.ts';
import { reloadViewerForUpdate, type Viewer } from '../identity/viewer.ts';
import { isUuid } from '../lib/validators.ts';
import type { Model } from '../policy/models.ts';
import { evaluateInMemory, findMatchingIds } from '../policy/policy.ts';
import { type Context, switchViewer } from './context.ts';

/** What a mutation works with: the transaction, the viewer as read inside it, and the mutation's rules. */
export interface MutationScope extends AuditedTransaction {
  readonly access: Context['access'];
  /** Locks the row that the mutation is about and applies the mutation's rules to it. Throws NOT_FOUND for what the viewer may not know of. */
  lockTarget(id: string): Promise<void>;
  /** Throws what a denied viewer is told unless the rule, which depends on the viewer alone, is met. */
  require(rule: Rule): void;
}

/**
 * Runs a mutation in one transaction: who asks is read again and held, the rules of the mutation and of the input fields that were given are
 * applied again, and what the operation remembered is forgotten afterwards. Tried again, at most 3 times, when it only collided with another
 * transaction.
 */
export async function runMutation<T>(context: Context, info: GraphQLResolveInfo, work: (write: MutationScope) => Promise<T>): Promise<T> {
  const named = namedBy(context, info);
  const result = await retried(() => context.db.prisma.$transaction((tx) => inside(context, tx, named, work)));
  await readAgain(context);
  return result;
}

/** What a mutation names: the places whose rules are to be met, which are itself and each given input field with a rule, and its row. */
function namedBy({ access }: Context, { parentType, fieldName, fieldNodes, variableValues }: GraphQLResolveInfo) {
  const coordinate = `Mutation.${fieldName}`;
  const field = parentType.getFields()[fieldName];
  const [node] = fieldNodes;
  const args = field && node ? getArgumentValues(field, node, variableValues) : {};
  const arg = field?.args.find(({ name }) => name === 'input');
  const given = arg ? inputCoordinates(arg.type, args.input) : [];
  const places: [string, ...string[]] = [coordinate, ...given.filter((place) => access.rules.has(place))];
  return { places, about: access.mutationTargets.get(coordinate), id: mutationTargetId(access, coordinate, args, null)?.id };
}

/**
 * Locks who asks and the user that the mutation names, always in the order of their ids: of two who disable each other at the same moment one
 * waits, where each would hold what the other needs until the database ends one of them, a second later.
 */
async function takeTurns(tx: Tx, asker: string, named: string) {
  for (const id of [asker, named].sort()) {
    const mode = id === named ? sql`for update` : sql`for no key update`;
    await tx.$queryRaw(sql`select 1 from "User" where id = ${id}::uuid ${mode}`);
  }
}

/** Reads the viewer again after a write; it may have ended its own session. */
async function readAgain(context: Context) {
  const sid = context.viewer?.token.id;
  const now = sid === undefined ? undefined : await context.loadViewer.load({ sid });
  switchViewer(context, now && !now.rejection ? now.viewer : null);
}

async function inside<T>(
  context: Context,
  tx: Tx,
  { places, about, id }: ReturnType<typeof namedBy>,
  work: (write: MutationScope) => Promise<T>,
) {
  if (!context.viewer) throw graphqlError('UNAUTHENTICATED');
  if (about?.model === 'User' && id && isUuid(id)) await takeTurns(tx, context.viewer.user.id, id.toLowerCase());
  const again = await reloadViewerForUpdate(tx, context.viewer, context.config.FRESHNESS);
  if (!again || again.rejection) throw requestError(again?.rejection ?? 'UNAUTHENTICATED');
  const { viewer } = again;
  const asker = { ...context, viewer };
  const [coordinate] = places;
  const refused = places.find((place) => evaluateInMemory(ruleOf(context, place), viewer) === false);
  if (refused && (refused === coordinate || !about)) throw accessDenied(asker, refused);
  let asked = places.every((place) => evaluateInMemory(ruleOf(context, place), viewer) === true);
  const result = await work({
    tx,
    access: context.access,
    viewer,
    lockTarget: async (id) => {
      if (!about) throw new Error(`${coordinate} does not say what it is about`);
      asked = true;
      await target(tx, asker, places, about.model as Model, id);
    },
    require: (needed) => {
      if (evaluateInMemory(needed, viewer) !== true) throw accessDenied(asker, coordinate, needed);
    },
    audit: (entry) => recordAuditEvent(tx, context.client, viewer, entry),
  });
  if (asked) return result;
  // A permission that is held in some domain only is none where there is no row.
  if (!about) throw accessDenied(asker, coordinate);
  // A mutation whose rule is about a row and that never named the row has checked nothing: it is undone.
  throw new Error(`${coordinate} did not apply its rule to a row`);
}

async function target(tx: Tx, asker: Context & { viewer: Viewer }, places: [string, ...string[]], model: Model, id: string) {
  if (!isUuid(id)) throw graphqlError('NOT_FOUND');
  const locked = await tx.$queryRaw<unknown[]>(sql`select 1 from ${Prisma.raw(`"${model}"`)} where id = ${id}::uuid for update`);
  if (locked.length === 0) throw graphqlError('NOT_FOUND');
  const { viewer } = asker;
  const meets = async (rule: Rule, as = viewer) => (await findMatchingIds(tx, rule, as, model, [id])).has(id);
  for (const place of places) {
    const rule = ruleOf(asker, place);
    if (await meets(rule)) continue;
    if (!(await meets(ruleOf(asker, model)))) throw graphqlError('NOT_FOUND');
    const fresh = !viewer.recentlyAuthenticated && (await meets(rule, { ...viewer, recentlyAuthenticated: true }));
    throw fresh
      ? graphqlError('REAUTHENTICATION_REQUIRED')
      : accessDenied({ ...asker, viewer: { ...viewer, recentlyAuthenticated: true } }, place);
  }
}

async function retried<T>(attempt: () => Promise<T>, left = 3): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    if (left === 0 || !isSerializationFailure(error)) throw error;
    await new Promise((resolve) => setTimeout(resolve, 5 + Math.floor(performance.now() % 20)));
    return retried(attempt, left - 1);
  }
}
