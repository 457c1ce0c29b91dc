import type { GraphQLFieldResolver, GraphQLIsTypeOfFn } from 'graphql';
import { mapMaybe } from '../../lib/map-maybe.ts';
import { accessDenied, cachedDecision, decide, loadVisible } from '../evaluate/decisions.ts';
import type { AccessContext, Row } from '../rules/policy.ts';
import { ruleOf } from '../rules/registry.ts';
import type { Decision, Rule } from '../rules/rule.ts';
import { resolverInside, typeTestInside } from './guard-boundary.ts';
import { type PaginationArgs, validatePageSize } from './pagination.ts';
import { withPrefetch } from './prefetch-decisions.ts';

// Everything that enforces rules while an operation runs. The access plugin calls the four exported functions and nothing else, so that
// `bench/without-access.ts` can measure a server without them.

export type Resolver = GraphQLFieldResolver<unknown, AccessContext, object>;
export type TypeTest = GraphQLIsTypeOfFn<unknown, AccessContext>;

export interface TypeGuard {
  readonly type: string;
  readonly rule: Rule;
  readonly model: string | undefined;
}

export interface FieldGuard {
  readonly coordinate: string;
  readonly rule: Rule;
  readonly model: string | undefined;
  /**
   * What the guard decides: nothing, as the type's guard has decided the same rule; the rule without a row; the rule without a row, leaving
   * what depends on the row to the mutation, which applies the rule to its target; or the rule for the field's object.
   */
  readonly decides: 'nothing' | 'viewer' | 'viewerOfTarget' | 'row';
  readonly shape: 'value' | 'list' | 'connection';
  /** The arguments that have their own rules. */
  readonly guardedArguments: readonly string[];
}

/** Guards an object type by scope-auth. */
export function guardType(options: object, guard: TypeGuard): void {
  Object.assign(options, { authScopes: (row: Row, context: AccessContext) => authorizeObject(context, guard, row) });
}

/** Guards a field by scope-auth: its rule, then its guarded arguments, then the page that a connection is asked for. */
export function guardField(options: object, guard: FieldGuard): void {
  const isConnection = guard.shape === 'connection';
  if (guard.decides === 'nothing' && guard.guardedArguments.length === 0 && !isConnection) return;
  const authScopes = (row: Row, args: PaginationArgs, context: AccessContext) => {
    const checkPage = () => !isConnection || validatePageSize(context, args);
    return mapMaybe(decideField(context, guard, row), (isAllowed) => {
      if (isAllowed !== true) return false;
      return guard.guardedArguments.length === 0 ? checkPage() : authorizeArguments(context, guard, args).then(checkPage);
    });
  };
  Object.assign(options, { authScopes });
}

/** Wraps the guarded resolver: skips the guard if the decision is known, and decides for the rows of a list in advance. */
export function wrapGuardedField(guarded: Resolver, config: object, guard: FieldGuard): Resolver {
  const { shape, decides, guardedArguments } = guard;
  const isSkippable = decides === 'row' && shape !== 'connection' && guardedArguments.length === 0;
  const resolve = isSkippable ? skipGuardWhenAllowed(guarded, config, guard) : guarded;
  return shape === 'value' ? resolve : withPrefetch(resolve, shape);
}

/** Wraps the guarded type test: skips the guard if the decision is known. */
export function wrapGuardedType(guarded: TypeTest, config: object, { rule, model }: TypeGuard): TypeTest {
  const inside = typeTestInside(config) ?? guarded;
  return (row, context, info) =>
    cachedDecision(context, rule, model, row as Row) === true ? inside(row, context, info) : guarded(row, context, info);
}

function skipGuardWhenAllowed(guarded: Resolver, config: object, { rule, model }: FieldGuard): Resolver {
  const inside = resolverInside(config) ?? guarded;
  return (row, args, context, info) =>
    cachedDecision(context, rule, model, row as Row) === true ? inside(row, args, context, info) : guarded(row, args, context, info);
}

function decideField(context: AccessContext, { decides, rule, model }: FieldGuard, row: Row): Decision | Promise<boolean> {
  switch (decides) {
    case 'nothing':
      return true;
    case 'viewer':
      return decide(context, rule);
    case 'viewerOfTarget':
      return decide(context, rule) ?? true;
    case 'row':
      return decide(context, rule, model, row);
  }
}

/** Throws unless the viewer can see the object: the denial if they can see none of its type, otherwise that there is no such row. */
function authorizeObject(context: AccessContext, { type, rule, model }: TypeGuard, row: Row): true | Promise<true> {
  return mapMaybe(decide(context, rule, model, row), (isAllowed) => {
    if (isAllowed === true) return true;
    throw decide(context, rule) === undefined ? context.access.policy.notFound() : accessDenied(context, type);
  });
}

const authorizeArguments = (context: AccessContext, { coordinate, guardedArguments }: FieldGuard, args: object) =>
  Promise.all(
    guardedArguments.map((name) => authorizeArgument(context, `${coordinate}(${name}:)`, (args as Record<string, unknown>)[name])),
  );

/** Throws unless the viewer may give the argument and, if it names a row, can see that row. False counts as not given. */
async function authorizeArgument(context: AccessContext, coordinate: string, value: unknown) {
  if (value == null || value === false) return;
  const rule = ruleOf(context, coordinate);
  const model = context.access.models.get(coordinate);
  if (decide(context, rule) === false) throw accessDenied(context, coordinate);
  const row = model ? await namedRow(context, model, value) : undefined;
  if (row === null) throw context.access.policy.notFound();
  if ((await decide(context, rule, model, row)) !== true) throw accessDenied(context, coordinate);
}

/** The row that an argument names. Every viewer can name themselves, even without the right to read their own row. */
function namedRow(context: AccessContext, model: string, value: unknown): Promise<Row | null> | Row | null {
  const { typename, id } = value as { typename?: string; id?: string };
  const { policy } = context.access;
  if (typename !== model || id === undefined || !policy.isRowId(id)) return null;
  const own = context.viewer && model === policy.ownership.ownerModel ? policy.viewerRow(context.viewer) : undefined;
  return own?.id === id ? own : loadVisible(context, model, id);
}
