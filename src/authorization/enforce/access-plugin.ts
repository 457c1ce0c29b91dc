import SchemaBuilder, {
  BasePlugin,
  type PothosInputFieldConfig,
  type PothosObjectTypeConfig,
  type PothosOutputFieldConfig,
  PothosSchemaError,
  type PothosTypeConfig,
  type SchemaTypes,
} from '@pothos/core';
import '@pothos/plugin-scope-auth';
import type { GraphQLSchema } from 'graphql';
import { needsRow } from '../evaluate/conditions.ts';
import { accessDenied } from '../evaluate/decisions.ts';
import { parentOf } from '../rules/ownership.ts';
import type { Access, AccessContext, MutationTarget, Policy } from '../rules/policy.ts';
import { all, conditionsOf, print, type Rule } from '../rules/rule.ts';
import './guard-boundary.ts';
import {
  type FieldGuard,
  guardField,
  guardType,
  type Resolver,
  type TypeGuard,
  type TypeTest,
  wrapGuardedField,
  wrapGuardedType,
} from './guards.ts';
import { withReadReports } from './sensitive-reads.ts';

declare global {
  namespace PothosSchemaTypes {
    interface Plugins<Types extends SchemaTypes> {
      access: BasePlugin<Types>;
    }
    interface SchemaBuilderOptions<Types extends SchemaTypes> {
      access: {
        readonly policy: Policy<{
          Viewer: object;
          Where: Record<Types['AccessModel'], object>;
          Rows: Record<Types['AccessModel'], { id: string }>;
        }>;
      };
    }
    interface UserSchemaTypes {
      /** The models that rules can be about. */
      AccessModel: string;
      /** The rules that the policy's conditions can be combined to. */
      AccessRule: Rule;
    }
    interface ExtendDefaultTypes<PartialTypes extends Partial<UserSchemaTypes>> {
      AccessModel: PartialTypes['AccessModel'] extends string ? PartialTypes['AccessModel'] : string;
      AccessRule: PartialTypes['AccessRule'] extends Rule ? PartialTypes['AccessRule'] : Rule;
    }
    interface BaseTypeOptions<Types extends SchemaTypes = SchemaTypes> {
      /** Who can see the objects of this type. Required, and applies to all of its fields. */
      access?: Types['AccessRule'];
    }
    interface FieldOptions<Types extends SchemaTypes = SchemaTypes> {
      /** Who can read this field, in addition to its type's rule. Required for root fields. */
      access?: Types['AccessRule'];
      /** The model of the row that a mutation is about: its input contains the id, and the mutation applies the rule to the row. */
      target?: Types['AccessModel'];
      /** The model whose fields the mutation sets, if it is not that one. */
      updates?: Types['AccessModel'];
      /** Set for fields that check a credential: one per request, rate-limited. */
      credential?: true;
      /** Set for fields whose values are recorded when another viewer than the owner reads them. */
      sensitive?: true;
    }
    interface InputFieldOptions<Types extends SchemaTypes = SchemaTypes> {
      /** Who can give this argument. In a filter or an order: who can read the field that it looks at. */
      access?: Types['AccessRule'];
      /** The model of the row that this argument names by its id, if its rule is about that row. */
      target?: Types['AccessModel'];
    }
  }
}

/**
 * The plugins of the engine, in the only order that is safe; they come first in the builder's list. The first is outermost: `access` compiles
 * rules into the scopes that `scopeAuth` enforces, and skips that guard when it knows that the rule is met, by continuing at
 * `guardBoundary`. A plugin between the three would be skipped too, for example the one that validates arguments.
 */
export const accessPlugins = ['access', 'scopeAuth', 'guardBoundary'] as const;

/** The options of scope-auth that the engine relies on; scope-auth's own defaults are open (security.md, LAB 5). */
export const scopeAuthOptions = {
  authScopes: () => ({}),
  defaultStrategy: 'all',
  treatErrorsAsUnauthorized: true,
  runScopesOnType: true,
  authorizeOnSubscribe: true,
  // A check that fails denies (security.md R-D), and its error is reported as the server's own fault.
  unauthorizedError: (_: object, context: object, info: DeniedField, { failure }: { failure: { error?: Error | null } }) =>
    failure.error ?? accessDenied(context as AccessContext, `${info.parentType.name}.${info.fieldName}`),
} as const;

interface DeniedField {
  readonly parentType: { readonly name: string };
  readonly fieldName: string;
}

const rootTypes = ['Query', 'Mutation', 'Subscription'];
const criterion = /(Filter|Order)$/;

/**
 * Compiles the `access` options of a schema into guards, the `@access` directive, the last line of each description, and the registry that
 * `accessOf` reads. A schema with a missing or meaningless rule does not build.
 */
class AccessPlugin<Types extends SchemaTypes & { Context: AccessContext }> extends BasePlugin<Types> {
  private readonly policy = this.builder.options.access.policy as Policy;
  private readonly rules = new Map<string, Rule>();
  private readonly models = new Map<string, string>();
  private readonly mutationTargets = new Map<string, MutationTarget>();
  private readonly sensitive = new Set<string>();
  /** One object for rules that print equally, so that decisions can be cached by rule. */
  private readonly rulesByText = new Map<string, Rule>();
  private readonly typeGuards = new Map<string, TypeGuard>();
  private readonly fieldGuards = new Map<string, FieldGuard>();

  override beforeBuild() {
    const plugins: readonly string[] = this.builder.options.plugins ?? [];
    if (accessPlugins.some((name, index) => plugins[index] !== name))
      throw new PothosSchemaError(`The builder's plugins must begin with ${accessPlugins.join(', ')}, in this order.`);
  }

  override onTypeConfig(config: PothosTypeConfig) {
    if ((config.graphqlKind !== 'Object' && config.graphqlKind !== 'Interface') || rootTypes.includes(config.name)) return config;
    const model = modelOf(config);
    const rule = this.register(config.name, config.pothosOptions.access, model);
    this.requireRow(config.name, rule, model);
    if (config.graphqlKind === 'Object' && !this.isOpen(rule)) {
      const guard = { type: config.name, rule, model };
      this.typeGuards.set(config.name, guard);
      guardType(config.pothosOptions, guard);
    }
    return { ...config, ...withDirective(config, rule) };
  }

  override onOutputFieldConfig(config: PothosOutputFieldConfig<Types>) {
    const coordinate = `${config.parentType}.${config.name}`;
    const guard = rootTypes.includes(config.parentType) ? this.rootGuard(coordinate, config) : this.objectGuard(coordinate, config);
    this.fieldGuards.set(coordinate, guard);
    guardField(config.pothosOptions, guard);
    const isSensitive = config.pothosOptions.sensitive === true;
    if (isSensitive) this.registerSensitive(coordinate, guard.model);
    const printed = withDirective(config, guard.rule, isSensitive);
    return { ...config, ...printed, extensions: { ...printed.extensions, credential: config.pothosOptions.credential === true } };
  }

  override onInputFieldConfig(config: PothosInputFieldConfig<Types>) {
    const { parentType, parentField, name } = config;
    const isCriterion = criterion.test(parentType);
    if (!config.pothosOptions.access && !isCriterion) return config;
    const coordinate = parentField ? `${parentType}.${parentField}(${name}:)` : `${parentType}.${name}`; // as in the GraphQL specification
    const filtered = !parentField && isCriterion ? parentType.replace(criterion, '') : undefined;
    const model = config.pothosOptions.target ?? filtered;
    const rule = this.register(coordinate, config.pothosOptions.access, model);
    if (parentField) this.requireRow(coordinate, rule, model);
    return { ...config, ...withDirective(config, rule) };
  }

  override wrapResolve(guarded: Resolver, config: PothosOutputFieldConfig<Types>) {
    const coordinate = `${config.parentType}.${config.name}`;
    const guard = this.fieldGuards.get(coordinate);
    if (!guard) throw new PothosSchemaError(`${coordinate} has no guard.`);
    const resolve = wrapGuardedField(guarded, config, guard);
    return this.sensitive.has(coordinate) ? withReadReports(resolve, coordinate, guard.model as string) : resolve;
  }

  override wrapIsTypeOf(guarded: TypeTest | undefined, config: PothosObjectTypeConfig) {
    const guard = this.typeGuards.get(config.name);
    return guarded && guard ? wrapGuardedType(guarded, config, guard) : guarded;
  }

  override afterBuild(schema: GraphQLSchema) {
    const { policy, rules, models, mutationTargets, sensitive } = this;
    const access: Access = { policy, rules, models, mutationTargets, sensitive };
    schema.extensions = { ...schema.extensions, access };
    return schema;
  }

  private rootGuard(coordinate: string, config: PothosOutputFieldConfig<Types>): FieldGuard {
    const { access, target, updates } = config.pothosOptions;
    const rule = this.register(coordinate, access, target);
    if (target) this.mutationTargets.set(coordinate, { model: target, updates: updates ?? target });
    else this.requireRow(coordinate, rule, undefined);
    const required = target ? 'viewerOfTarget' : 'viewer';
    const decides = this.isOpen(rule) ? 'nothing' : required;
    return { coordinate, rule, model: target, decides, shape: shapeOf(config), guardedArguments: guardedArgumentsOf(config) };
  }

  private objectGuard(coordinate: string, config: PothosOutputFieldConfig<Types>): FieldGuard {
    const type = this.buildCache.getTypeConfig(config.parentType);
    const model = modelOf(type);
    const typeRule = this.register(config.parentType, type.pothosOptions.access as Rule | undefined, model);
    const own = config.pothosOptions.access;
    const rule = this.register(coordinate, own ? all(typeRule, own as Rule) : typeRule, model);
    this.requireRow(coordinate, rule, model);
    const decides = type.graphqlKind === 'Object' && rule !== typeRule ? 'row' : 'nothing';
    return { coordinate, rule, model, decides, shape: shapeOf(config), guardedArguments: guardedArgumentsOf(config) };
  }

  private register(coordinate: string, rule: Rule | undefined, model: string | undefined): Rule {
    if (!rule) throw new PothosSchemaError(`${coordinate} has no access rule: set its \`access\` option.`);
    for (const { is } of conditionsOf(rule))
      if (!Object.hasOwn(this.policy.conditions, is))
        throw new PothosSchemaError(`${coordinate}: "${is}" is not a condition of the policy.`);
    const text = print(rule);
    const one = this.rulesByText.get(text) ?? rule;
    this.rulesByText.set(text, one);
    this.rules.set(coordinate, one);
    if (model) this.models.set(coordinate, model);
    return one;
  }

  private requireRow(coordinate: string, rule: Rule, model: string | undefined) {
    const condition = model ? undefined : conditionsOf(rule).find((one) => needsRow(this.policy, one));
    if (condition) throw new PothosSchemaError(`${coordinate}: "${print(condition)}" needs a row, and the type has none.`);
  }

  private registerSensitive(coordinate: string, model: string | undefined) {
    const { ownership } = this.policy;
    if (!model) throw new PothosSchemaError(`${coordinate} is sensitive, but its type has no rows that have an owner.`);
    if (model !== ownership.ownerModel && parentOf(ownership, model)?.model !== ownership.ownerModel)
      throw new PothosSchemaError(`${coordinate} is sensitive, but a row of ${model} does not contain the id of its owner.`);
    this.sensitive.add(coordinate);
  }

  private isOpen(rule: Rule): boolean {
    return 'is' in rule && this.policy.conditions[rule.is]?.isOpen === true;
  }
}

/** The model of a type's rows, as the Prisma plugin declares it. */
const modelOf = ({ extensions }: { readonly extensions?: Readonly<Record<string, unknown>> | null | undefined }) =>
  extensions?.pothosPrismaModel as string | undefined;

function shapeOf<Types extends SchemaTypes>({ args, type }: PothosOutputFieldConfig<Types>): FieldGuard['shape'] {
  if ('after' in args && 'before' in args) return 'connection';
  return type.kind === 'List' ? 'list' : 'value';
}

const guardedArgumentsOf = <Types extends SchemaTypes>({ args }: PothosOutputFieldConfig<Types>) =>
  Object.entries(args).flatMap(([name, arg]) => (arg.pothosOptions.access ? [name] : []));

interface Documented {
  readonly description?: string | null | undefined;
  readonly extensions?: object | null | undefined;
}

function withDirective({ description, extensions }: Documented, rule: Rule, isSensitive = false) {
  const text = print(rule);
  return {
    description: description ? `${description}\n\nAccess: ${text}` : description,
    extensions: { ...extensions, directives: { access: { rule: text, ...(isSensitive && { sensitive: true }) } } },
  };
}

SchemaBuilder.registerPlugin('access', AccessPlugin as never);
