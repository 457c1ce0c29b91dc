import SchemaBuilder, { BasePlugin, type PothosObjectTypeConfig, type PothosOutputFieldConfig, type SchemaTypes } from '@pothos/core';
import type { GraphQLFieldResolver, GraphQLIsTypeOfFn } from 'graphql';
import type { AccessContext } from '../rules/policy.ts';

declare global {
  namespace PothosSchemaTypes {
    interface Plugins<Types extends SchemaTypes> {
      guardBoundary: BasePlugin<Types>;
    }
  }
}

type Resolver = GraphQLFieldResolver<unknown, AccessContext, object>;
type TypeTest = GraphQLIsTypeOfFn<unknown, AccessContext>;

const resolvers = new WeakMap<object, Resolver>();
const typeTests = new WeakMap<object, TypeTest>();

/**
 * Remembers each resolver and type test before scope-auth wraps it, for guards that are skipped because the decision is known already. Must
 * stand directly inside scope-auth, as `accessPlugins` requires.
 */
class GuardBoundaryPlugin<Types extends SchemaTypes & { Context: AccessContext }> extends BasePlugin<Types> {
  override wrapResolve(resolve: Resolver, config: PothosOutputFieldConfig<Types>) {
    resolvers.set(config, resolve);
    return resolve;
  }

  override wrapIsTypeOf(isTypeOf: TypeTest | undefined, config: PothosObjectTypeConfig) {
    typeTests.set(config, isTypeOf ?? (() => true));
    return isTypeOf;
  }
}

/** The resolver of a field inside its guard. */
export const resolverInside = (config: object): Resolver | undefined => resolvers.get(config);

/** The type test of an object type inside its guard. */
export const typeTestInside = (config: object): TypeTest | undefined => typeTests.get(config);

SchemaBuilder.registerPlugin('guardBoundary', GuardBoundaryPlugin as never);
