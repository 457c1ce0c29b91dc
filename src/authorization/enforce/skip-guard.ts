import SchemaBuilder, { BasePlugin, type PothosObjectTypeConfig, type PothosOutputFieldConfig, type SchemaTypes } from '@pothos/core';
import type { GraphQLFieldResolver, GraphQLIsTypeOfFn } from 'graphql';
import type { Context } from '../../graphql/context.ts';
import type { Row } from '../../policy/ownership.ts';
import { cachedDecision } from '../evaluate/decisions.ts';
import { modelByCoordinate, ruleOf } from '../rules/registry.ts';

type Resolver = GraphQLFieldResolver<unknown, Context, object>;
type IsTypeOf = GraphQLIsTypeOfFn<unknown, Context>;

const resolvers = new WeakMap<object, Resolver>();
const typeTests = new WeakMap<object, IsTypeOf>();

/** Remembers each resolver and each test of a type as scope-auth finds them. It has to stand directly behind scope-auth. */
class UnguardedPlugin<Types extends SchemaTypes & { Context: Context }> extends BasePlugin<Types> {
  override wrapResolve(resolve: Resolver, config: PothosOutputFieldConfig<Types>): Resolver {
    resolvers.set(config, resolve);
    return resolve;
  }

  override wrapIsTypeOf(isTypeOf: IsTypeOf | undefined, config: PothosObjectTypeConfig): IsTypeOf | undefined {
    typeTests.set(config, isTypeOf ?? (() => true));
    return isTypeOf;
  }
}

/** A field of a type that goes past its guard where the rule at the coordinate is known to be met; all else is the guard's. */
export function skipGuardWhenAllowed(guarded: Resolver, config: object, coordinate: string): Resolver {
  const open = resolvers.get(config) ?? guarded;
  const [rule, model] = [ruleOf(coordinate), modelByCoordinate.get(coordinate)];
  return (row, args, context, info) =>
    cachedDecision(context, rule, model, row as Row) === true ? open(row, args, context, info) : guarded(row, args, context, info);
}

/** The same of the objects of a type. */
export function skipTypeGuardWhenAllowed(guarded: IsTypeOf, config: object, type: string): IsTypeOf {
  const open = typeTests.get(config) ?? guarded;
  const [rule, model] = [ruleOf(type), modelByCoordinate.get(type)];
  return (row, context, info) =>
    cachedDecision(context, rule, model, row as Row) === true ? open(row, context, info) : guarded(row, context, info);
}

SchemaBuilder.registerPlugin('unguarded' as never, UnguardedPlugin as never);
