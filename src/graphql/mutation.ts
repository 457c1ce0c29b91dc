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
import { type LockedRows, lockInOrder } from '../identity/lock-order.ts';
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
 * `lockAlso` returns what else the work depends on or changes. The runner locks it with the viewer, because every transaction locks in one order
 * (docs/decisions/0030).
 */
export async function runMutation<T>(
  context: Context,
  info: GraphQLResolveInfo,
  work: (scope: MutationScope) => Promise<T>,
  lockAlso?: LockAlso,
): Promise<T> {
  const call = readCall(context, info);
  const result = await context.db.prisma.$transaction((tx) => runInTransaction(context, tx, call, work, lockAlso));
  await reloadViewer(context);
  return result;
}

/** Finds the rows that a mutation locks in addition to those of the viewer and its target. */
export type LockAlso = (tx: Tx) => Promise<LockedRows>;

/** A mutation as it was called. */
interface MutationCall {
  readonly coordinate: string;
  /** The coordinates whose rules apply: the mutation, and the given input fields that have a rule. */
  readonly guarded: readonly string[];
  /** The model of the row that the mutation changes; undefined if its rules depend on no row. */
  readonly targetModel: Model | undefined;
  /** The id of that row, if the input names it. */
  readonly targetId: string | undefined;
}

function readCall({ access }: Context, { parentType, fieldName, fieldNodes, variableValues }: GraphQLResolveInfo): MutationCall {
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

async function runInTransaction<T>(
  context: Context,
  tx: Tx,
  call: MutationCall,
  work: (scope: MutationScope) => Promise<T>,
  lockAlso: LockAlso | undefined,
): Promise<T> {
  const viewer = await lockViewer(context, tx, call, lockAlso);
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
async function lockViewer(
  { viewer, config }: Context,
  tx: Tx,
  { targetModel, targetId }: MutationCall,
  lockAlso?: LockAlso,
): Promise<Viewer> {
  if (!viewer) throw graphqlError('UNAUTHENTICATED');
  const target = targetId && isUuid(targetId) ? [targetId.toLowerCase()] : [];
  const users = targetModel === 'User' ? target : [];
  // A transaction that changes the grants of the target locks it first: so its grants are found when they can no longer change.
  if (lockAlso && users.length > 0) await lockInOrder(tx, { users: [viewer.user.id, ...users] });
  const also = targetModel && target.length === 0 ? undefined : await lockAlso?.(tx);
  const result = await reloadViewerForUpdate(tx, viewer, config.FRESHNESS, {
    ...also,
    users: [...users, ...(also?.users ?? [])],
    ...(targetModel === 'Domain' && { changedDomains: target }),
    ...(targetModel === 'Token' && { tokens: target }),
  });
  if (!result || result.rejection) throw requestError(result?.rejection ?? 'UNAUTHENTICATED');
  return result.viewer;
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
  // Not FOR UPDATE for users and tokens: the foreign keys of rows written about them by others need not wait.
  const mode = targetModel === 'User' || targetModel === 'Token' ? sql`for no key update` : sql`for update`;
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
