import { type GraphQLResolveInfo, getArgumentValues } from 'graphql';
import { inputCoordinates, mutationTargetId } from '../authorization/evaluate/coordinates.ts';
import { accessDenied } from '../authorization/evaluate/decisions.ts';
import { ruleOf } from '../authorization/rules/registry.ts';
import type { Rule } from '../authorization/rules/rule.ts';
import { sql, type Tx } from '../database/database.ts';
import { Prisma } from '../database/generated/prisma/client.ts';
import { graphqlError, requestError } from '../errors.ts';
import { recordAuditEvent } from '../identity/audit/record-event.ts';
import type { AuditedTransaction } from '../identity/audited-transaction.ts';
import { credentialOf, reloadViewerForUpdate, type Viewer } from '../identity/viewer.ts';
import { isUuid } from '../lib/validators.ts';
import type { Model } from '../policy/models.ts';
import { evaluateInMemory, findMatchingIds } from '../policy/policy.ts';
import { type Context, switchViewer } from './context.ts';

/** What a mutation works with: the transaction, the viewer as read inside it, and the mutation's rules. */
export interface MutationScope extends AuditedTransaction {
  readonly access: Context['access'];
  /** Locks the row that the mutation changes and applies the mutation's rules to it. Throws NOT_FOUND if the viewer cannot see the row. */
  lockTarget(id: string): Promise<void>;
  /** Throws FORBIDDEN unless the viewer meets the rule, which must not depend on a row. */
  require(rule: Rule): void;
}

/**
 * Runs a mutation in one transaction. The access plugin has checked the rules before; they are checked again here, after the viewer and the
 * target have been locked, so that no concurrent change can take effect between the check and the write.
 * `otherUserIds` are further users whose rights the work depends on: they are locked with the viewer.
 */
export async function runMutation<T>(
  context: Context,
  info: GraphQLResolveInfo,
  work: (scope: MutationScope) => Promise<T>,
  otherUserIds: readonly string[] = [],
): Promise<T> {
  const call = { ...readCall(context, info), otherUserIds };
  const result = await context.db.prisma.$transaction((tx) => runInTransaction(context, tx, call, work));
  await reloadViewer(context);
  return result;
}

/** A mutation as it was called. */
interface MutationCall {
  readonly coordinate: string;
  /** The coordinates whose rules apply: the mutation, and the given input fields that have a rule. */
  readonly guarded: readonly string[];
  /** The model of the row that the mutation changes; undefined if its rules depend on no row. */
  readonly targetModel: Model | undefined;
  /** The id of that row, if the input names it. */
  readonly targetId: string | undefined;
  readonly otherUserIds: readonly string[];
}

function readCall(
  { access }: Context,
  { parentType, fieldName, fieldNodes, variableValues }: GraphQLResolveInfo,
): Omit<MutationCall, 'otherUserIds'> {
  const coordinate = `Mutation.${fieldName}`;
  const field = parentType.getFields()[fieldName];
  const [node] = fieldNodes;
  const args = field && node ? getArgumentValues(field, node, variableValues) : {};
  const inputArg = field?.args.find(({ name }) => name === 'input');
  const inputs = inputArg ? inputCoordinates(inputArg.type, args.input) : [];
  return {
    coordinate,
    guarded: [coordinate, ...inputs.filter((input) => access.rules.has(input))],
    targetModel: access.mutationTargets.get(coordinate)?.model as Model | undefined,
    targetId: mutationTargetId(access, coordinate, args, null)?.id,
  };
}

type AuthenticatedContext = Context & { readonly viewer: Viewer };

async function runInTransaction<T>(context: Context, tx: Tx, call: MutationCall, work: (scope: MutationScope) => Promise<T>): Promise<T> {
  const viewer = await lockViewer(context, tx, call);
  const current: AuthenticatedContext = { ...context, viewer };
  requireNotDenied(current, call);
  let isAuthorized = isAllowedWithoutRow(current, call);
  const result = await work({
    tx,
    viewer,
    access: context.access,
    lockTarget: async (id) => {
      await lockAndAuthorize(current, tx, call, id);
      isAuthorized = true;
    },
    require: (rule) => {
      if (evaluateInMemory(rule, viewer) !== true) throw accessDenied(current, call.coordinate, rule);
    },
    audit: (entry) => recordAuditEvent(tx, context.client, viewer, entry),
  });
  if (!isAuthorized) throw unauthorized(current, call);
  return result;
}

/** Reads the viewer again and locks their user, token and grants, so that no right can be revoked before the commit (security.md 7.9, 10.2). */
async function lockViewer({ viewer, config }: Context, tx: Tx, { targetModel, targetId, otherUserIds }: MutationCall): Promise<Viewer> {
  if (!viewer) throw graphqlError('UNAUTHENTICATED');
  const targets = targetModel === 'User' && targetId && isUuid(targetId) ? [targetId.toLowerCase()] : [];
  await lockUsers(tx, [viewer.user.id, ...targets, ...otherUserIds]);
  const result = await reloadViewerForUpdate(tx, viewer, config.FRESHNESS);
  if (!result || result.rejection) throw requestError(result?.rejection ?? 'UNAUTHENTICATED');
  return result.viewer;
}

/**
 * Lock order: user id ascending. Otherwise two users who, for example, disable each other would each wait for the lock that the other holds
 * until PostgreSQL detects the deadlock and aborts one of them.
 */
async function lockUsers(tx: Tx, ids: readonly string[]): Promise<void> {
  if (ids.length > 1) await tx.$queryRaw(sql`select 1 from "User" where id = any(${ids}::uuid[]) order by id for no key update`);
}

/**
 * Throws if the viewer alone, without a row, decides that a rule is not met. For the rule of an input field this is left to `lockTarget` if
 * there is a row: a row that the viewer cannot see must be reported as NOT_FOUND, whatever the input.
 */
function requireNotDenied(context: AuthenticatedContext, { coordinate, guarded, targetModel }: MutationCall): void {
  const denied = guarded.find((place) => evaluateInMemory(ruleOf(context, place), context.viewer) === false);
  if (denied && (denied === coordinate || !targetModel)) throw accessDenied(context, denied);
}

/** True if the viewer alone decides that all rules are met. */
const isAllowedWithoutRow = (context: AuthenticatedContext, { guarded }: MutationCall): boolean =>
  guarded.every((place) => evaluateInMemory(ruleOf(context, place), context.viewer) === true);

async function lockAndAuthorize(context: AuthenticatedContext, tx: Tx, { coordinate, guarded, targetModel }: MutationCall, id: string) {
  if (!targetModel) throw new Error(`${coordinate} has no \`target\``);
  if (!isUuid(id)) throw graphqlError('NOT_FOUND');
  // Not FOR UPDATE for users: the foreign keys of rows written about a user by others need not wait.
  const mode = targetModel === 'User' ? sql`for no key update` : sql`for update`;
  const locked = await tx.$queryRaw<unknown[]>(sql`select 1 from ${Prisma.raw(`"${targetModel}"`)} where id = ${id}::uuid ${mode}`);
  if (locked.length === 0) throw graphqlError('NOT_FOUND');
  const isMet = async (rule: Rule, viewer = context.viewer) => (await findMatchingIds(tx, rule, viewer, targetModel, [id])).has(id);
  for (const place of guarded) {
    const rule = ruleOf(context, place);
    if (await isMet(rule)) continue;
    // The existence of a row that the viewer cannot see is not revealed.
    if (!(await isMet(ruleOf(context, targetModel)))) throw graphqlError('NOT_FOUND');
    // REAUTHENTICATION_REQUIRED only if authenticating again would help.
    const reauthenticated = { ...context.viewer, recentlyAuthenticated: true };
    if (!context.viewer.recentlyAuthenticated && (await isMet(rule, reauthenticated))) throw graphqlError('REAUTHENTICATION_REQUIRED');
    throw accessDenied({ ...context, viewer: reauthenticated }, place);
  }
}

/** The error for a mutation that has finished although its rules have not been met; throwing it rolls back the transaction. */
function unauthorized(context: AuthenticatedContext, { coordinate, targetModel }: MutationCall): Error {
  // Without a target, a rule that the viewer meets only in some domain is not met.
  if (!targetModel) return accessDenied(context, coordinate);
  // With a target, the mutation has a bug: it has changed something without calling `lockTarget`.
  return new Error(`${coordinate} did not call lockTarget`);
}

/** Switches the rest of the operation to the viewer as of now, or to none if the mutation has revoked its own session. */
async function reloadViewer(context: Context): Promise<void> {
  const result = context.viewer ? await context.loadViewer.load(credentialOf(context.viewer)) : undefined;
  switchViewer(context, result && !result.rejection ? result.viewer : null);
}
