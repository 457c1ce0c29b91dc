import SchemaBuilder, {
  BasePlugin,
  type PothosInputFieldConfig,
  type PothosObjectTypeConfig,
  type PothosOutputFieldConfig,
  PothosSchemaError,
  type PothosTypeConfig,
  type SchemaTypes,
} from '@pothos/core';
import type { GraphQLFieldResolver, GraphQLIsTypeOfFn, GraphQLResolveInfo } from 'graphql';
import type { Context } from '../../graphql/context.ts';
import { evaluators } from '../../policy/evaluators.ts';
import type { Model, Row } from '../../policy/ownership.ts';
import { accessDenied } from '../evaluate/access-denied.ts';
import { decide } from '../evaluate/decisions.ts';
import { modelByCoordinate, mutationTargets, ruleByCoordinate } from '../rules/registry.ts';
import { all, conditionsOf, print, type Rule } from '../rules/rule.ts';
import { authorizeArgument, authorizeObject } from './authorize.ts';
import { type PaginationArgs, validatePagination } from './pagination.ts';
import { withPrefetch } from './prefetch-decisions.ts';
import { skipGuardWhenAllowed, skipTypeGuardWhenAllowed } from './skip-guard.ts';

declare global {
  namespace PothosSchemaTypes {
    interface Plugins<Types extends SchemaTypes> {
      access: BasePlugin<Types>;
    }
    interface BaseTypeOptions {
      /** Who may know the objects of this type, and so all of its fields. */
      access?: Rule;
    }
    interface FieldOptions {
      /** Who may read this field, besides meeting its type's rule; root fields always say it. */
      access?: Rule;
      /** The model of the row that a mutation is about: its input has the row's id, and `target` applies the rule to it. */
      target?: Model;
      /** The model whose fields the mutation sets, unless it is that one. */
      updates?: Model;
      /** The field checks a credential: one per request, and throttled. */
      credential?: true;
    }
    interface InputFieldOptions {
      /** Who may give this argument: of a filter or an order, whoever may read the field that it looks at. */
      access?: Rule;
      /** The model of the row that this argument names by its id, where its rule asks about that row. */
      target?: Model;
    }
  }
}

type Check = (row: Row, context: Context, args: PaginationArgs, info: GraphQLResolveInfo) => boolean | undefined | Promise<boolean>;

/** The rules by their text, so that equal ones are one: each is judged once, and its verdicts are kept by it. */
const interned = new Map<string, Rule>();

const roots = ['Query', 'Mutation', 'Subscription'];
const isCriterion = (type: string) => /(Filter|Order)$/.test(type);
const criterionOf = (type: string) => (isCriterion(type) ? (type.replace(/(Filter|Order)$/, '') as Model) : undefined);

/** Turns the `access` option into scope-auth's scopes, the `@access` directive, the last line of the description, and `rules`. */
class AccessPlugin<Types extends SchemaTypes & { Context: Context }> extends BasePlugin<Types> {
  /** The types and fields whose guard asks their rule and nothing else. */
  private readonly plain = new Set<string>();

  override onTypeConfig(config: PothosTypeConfig) {
    if ((config.graphqlKind !== 'Object' && config.graphqlKind !== 'Interface') || roots.includes(config.name)) return config;
    const model = config.extensions?.pothosPrismaModel as Model | undefined;
    const rule = this.said(config.name, config.pothosOptions.access, model);
    this.refuseRowless(config.name, rule, model);
    if (config.graphqlKind === 'Object' && !isOpen(rule)) {
      (config.pothosOptions as { authScopes?: unknown }).authScopes = (row: Row, context: Context) =>
        authorizeObject(context, config.name, model, row);
      this.plain.add(config.name);
    }
    return { ...config, ...printed(config, rule) };
  }

  override onOutputFieldConfig(config: PothosOutputFieldConfig<Types>) {
    const coordinate = `${config.parentType}.${config.name}`;
    const own = config.pothosOptions.access;
    if (roots.includes(config.parentType)) {
      const rule = this.said(coordinate, own, config.pothosOptions.target);
      const isAbout = this.note(coordinate, config, rule);
      // What is about a row is decided there; all else is decided here.
      const check: Check = (_, context) => decide(context, rule) ?? isAbout;
      return this.guarded(config, rule, isOpen(rule) ? undefined : check);
    }
    const type = this.buildCache.getTypeConfig(config.parentType);
    const model = type.extensions?.pothosPrismaModel as Model | undefined;
    const typeRule = this.said(config.parentType, type.pothosOptions.access as Rule | undefined, model);
    const rule = this.said(coordinate, own ? all(typeRule, own) : typeRule, model);
    this.refuseRowless(coordinate, rule, model);
    const narrows = type.graphqlKind === 'Object' && rule !== typeRule;
    if (narrows && !isList(config) && ruledIn(config).length === 0) this.plain.add(coordinate);
    return this.guarded(config, rule, narrows ? (row, context) => decide(context, rule, model, row) : undefined);
  }

  override onInputFieldConfig(config: PothosInputFieldConfig<Types>) {
    const own = config.pothosOptions.access;
    if (!own && !isCriterion(config.parentType)) return config;
    const { parentType, parentField, name } = config;
    const place = parentField ? `${parentType}.${parentField}(${name}:)` : `${parentType}.${name}`; // GraphQL's schema coordinates
    const { target = parentField ? undefined : criterionOf(parentType) } = config.pothosOptions;
    const rule = this.said(place, own, target);
    if (parentField) this.refuseRowless(place, rule, target);
    return { ...config, ...printed(config, rule) };
  }

  override wrapResolve(guarded: GraphQLFieldResolver<unknown, Context, object>, config: PothosOutputFieldConfig<Types>) {
    const coordinate = `${config.parentType}.${config.name}`;
    const resolve = this.plain.has(coordinate) ? skipGuardWhenAllowed(guarded, config, coordinate) : guarded;
    if (isList(config)) return withPrefetch(resolve, 'connection');
    return config.type.kind === 'List' ? withPrefetch(resolve, 'list') : resolve;
  }

  override wrapIsTypeOf(guarded: GraphQLIsTypeOfFn<unknown, Context> | undefined, config: PothosObjectTypeConfig) {
    return guarded && this.plain.has(config.name) ? skipTypeGuardWhenAllowed(guarded, config, config.name) : guarded;
  }

  /** What the field says of itself, and how scope-auth guards it. A page of a list is checked as soon as the list may be read. */
  private guarded(config: PothosOutputFieldConfig<Types>, rule: Rule, check?: Check) {
    const isPaged = isList(config);
    const page: Check = (_, context, args, info) => !isPaged || validatePagination(context, info.returnType, args);
    const ruled = ruledIn(config);
    const authScopes = (row: Row, args: PaginationArgs, context: Context, info: GraphQLResolveInfo) => {
      const met = check ? check(row, context, args, info) : true;
      if (ruled.length === 0 && !(met instanceof Promise)) return met === true && page(row, context, args, info);
      return admitted(met, context, args).then((yes) => yes && page(row, context, args, info));
    };
    const admitted = async (met: ReturnType<Check>, context: Context, args: PaginationArgs) => {
      if ((await met) !== true) return false;
      const places = ruled.map((name) => [`${config.parentType}.${config.name}(${name}:)`, args[name as keyof PaginationArgs]] as const);
      await Promise.all(places.map(([place, value]) => authorizeArgument(context, place, value)));
      return true;
    };
    if (check || isPaged || ruled.length > 0) Object.assign(config.pothosOptions, { authScopes });
    const credential = config.pothosOptions.credential === true;
    const marked = printed(config, rule);
    return { ...config, ...marked, extensions: { ...marked.extensions, credential } };
  }

  private note(coordinate: string, { pothosOptions: { target, updates } }: PothosOutputFieldConfig<Types>, rule: Rule) {
    if (target) mutationTargets.set(coordinate, { model: target, updates: updates ?? target });
    else this.refuseRowless(coordinate, rule, undefined);
    return target !== undefined;
  }

  private said(coordinate: string, rule: Rule | undefined, model?: Model) {
    if (!rule) throw new PothosSchemaError(`${coordinate} has no access rule: say who may by its \`access\` option.`);
    for (const atom of conditionsOf(rule))
      if (!Object.hasOwn(evaluators, atom.is))
        throw new PothosSchemaError(`${coordinate}: "${atom.is}" is not in the vocabulary of rules.`);
    const text = print(rule);
    const one = interned.get(text) ?? rule;
    interned.set(text, one);
    ruleByCoordinate.set(coordinate, one);
    if (model) modelByCoordinate.set(coordinate, model);
    return one;
  }

  private refuseRowless(coordinate: string, rule: Rule, model: Model | undefined) {
    const atom = model ? undefined : conditionsOf(rule).find((one) => !evaluators[one.is]?.aboutViewer);
    if (atom) throw new PothosSchemaError(`${coordinate}: "${print(atom)}" asks about a row, and the type has none.`);
  }
}

/** A page of a list is asked for by cursors. */
const isList = ({ args }: { readonly args: object }) => 'after' in args && 'before' in args;

/** The arguments that have a rule of their own. */
const ruledIn = <Types extends SchemaTypes>({ args }: Pick<PothosOutputFieldConfig<Types>, 'args'>) =>
  Object.entries(args).flatMap(([name, arg]) => (arg.pothosOptions.access ? [name] : []));

const isOpen = (rule: Rule) => 'is' in rule && rule.is === 'anyone';

function printed(config: { description?: string | null | undefined; extensions?: object | null | undefined }, rule: Rule) {
  const text = print(rule);
  const description = config.description ? `${config.description}\n\nAccess: ${text}` : config.description;
  return { description, extensions: { ...config.extensions, directives: { access: { rule: text } } } };
}

interface Place {
  readonly parentType: { readonly name: string };
  readonly fieldName: string;
}

/** The options of scope-auth that go with this plugin; its own defaults are open (security.md, LAB 5). */
export const scopeAuth = {
  authScopes: () => ({}),
  defaultStrategy: 'all',
  treatErrorsAsUnauthorized: true,
  runScopesOnType: true,
  authorizeOnSubscribe: true,
  // A check that fails denies (security.md R-D); what is told is its own fault, masked as any other.
  unauthorizedError: (_: object, context: Context, info: Place, { failure }: { failure: { error?: Error | null } }) =>
    failure.error ?? accessDenied(context, `${info.parentType.name}.${info.fieldName}`),
} as const;

SchemaBuilder.registerPlugin('access', AccessPlugin as never);
