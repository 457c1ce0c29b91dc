import SchemaBuilder, {
  BasePlugin,
  type PothosInputFieldConfig,
  type PothosOutputFieldConfig,
  PothosSchemaError,
  type PothosTypeConfig,
  type SchemaTypes,
} from '@pothos/core';
import type { GraphQLResolveInfo } from 'graphql';
import type { Context } from '../context.ts';
import { failure } from '../errors.ts';
import type { Model, Row } from './ownership.ts';
import { checkPage, type Page } from './page.ts';
import { all, atomsOf, print, type Rule } from './rule.ts';
import { ruleOf, rules } from './rules.ts';
import { denial, verdict } from './verdict.ts';
import { vocabulary } from './vocabulary.ts';

declare global {
  namespace PothosSchemaTypes {
    interface Plugins<Types extends SchemaTypes> {
      access: AccessPlugin<Types>;
    }
    interface BaseTypeOptions {
      /** Who may know the objects of this type, and so all of its fields. */
      access?: Rule;
    }
    interface FieldOptions {
      /** Who may read this field, besides meeting its type's rule; root fields always say it. */
      access?: Rule;
      /** The field checks a credential: one per request, and throttled. */
      credential?: true;
    }
    interface InputFieldOptions {
      /** Whose fields this argument filters or orders by: their rule. */
      access?: Rule;
    }
  }
}

type Check = (row: Row, context: Context, args: Page, info: GraphQLResolveInfo) => boolean | undefined | Promise<boolean>;

const roots = ['Query', 'Mutation', 'Subscription'];
const isCriterion = (type: string) => /(Filter|Order)$/.test(type);

/** Turns the `access` option into scope-auth's scopes, the `@access` directive, the last line of the description, and `rules`. */
class AccessPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override onTypeConfig(config: PothosTypeConfig) {
    if ((config.graphqlKind !== 'Object' && config.graphqlKind !== 'Interface') || roots.includes(config.name)) return config;
    const rule = this.said(config.name, config.pothosOptions.access);
    const model = config.extensions?.pothosPrismaModel as Model | undefined;
    this.refuseRowless(config.name, rule, model);
    if (config.graphqlKind === 'Object' && !isOpen(rule))
      (config.pothosOptions as { authScopes?: unknown }).authScopes = (row: Row, context: Context) =>
        admit(context, config.name, model, row);
    return { ...config, ...printed(config, rule) };
  }

  override onOutputFieldConfig(config: PothosOutputFieldConfig<Types>) {
    const coordinate = `${config.parentType}.${config.name}`;
    const own = config.pothosOptions.access;
    if (roots.includes(config.parentType)) {
      const rule = this.said(coordinate, own);
      return this.guarded(config, rule, isOpen(rule) ? undefined : (_, context) => verdict(context, rule) !== false);
    }
    const type = this.buildCache.getTypeConfig(config.parentType);
    const typeRule = this.said(config.parentType, type.pothosOptions.access as Rule | undefined);
    const rule = this.said(coordinate, own ? all(typeRule, own) : typeRule);
    const model = type.extensions?.pothosPrismaModel as Model | undefined;
    this.refuseRowless(coordinate, rule, model);
    const narrows = type.graphqlKind === 'Object' && print(rule) !== print(typeRule);
    return this.guarded(config, rule, narrows ? (row, context) => verdict(context, rule, model, row) : undefined);
  }

  override onInputFieldConfig(config: PothosInputFieldConfig<Types>) {
    const own = config.pothosOptions.access;
    if (!own && !isCriterion(config.parentType)) return config;
    const { parentType, parentField, name } = config;
    const place = parentField ? `${parentType}.${parentField}(${name}:)` : `${parentType}.${name}`; // GraphQL's schema coordinates
    return { ...config, ...printed(config, this.said(place, own)) };
  }

  /** What the field says of itself, and how scope-auth guards it. A page of a list is checked as soon as the list may be read. */
  private guarded(config: PothosOutputFieldConfig<Types>, rule: Rule, check?: Check) {
    const isList = 'after' in config.args && 'before' in config.args;
    const page: Check = (_, context, args, info) => !isList || checkPage(context, info.returnType, args);
    const authScopes = (row: Row, args: Page, context: Context, info: GraphQLResolveInfo) => {
      const met = check ? check(row, context, args, info) : true;
      return met instanceof Promise
        ? met.then((yes) => yes && page(row, context, args, info))
        : met === true && page(row, context, args, info);
    };
    if (check || isList) Object.assign(config.pothosOptions, { authScopes });
    const credential = config.pothosOptions.credential === true;
    const marked = printed(config, rule);
    return { ...config, ...marked, extensions: { ...marked.extensions, credential } };
  }

  private said(coordinate: string, rule: Rule | undefined) {
    if (!rule) throw new PothosSchemaError(`${coordinate} has no access rule: say who may by its \`access\` option.`);
    for (const atom of atomsOf(rule))
      if (!Object.hasOwn(vocabulary, atom.is))
        throw new PothosSchemaError(`${coordinate}: "${atom.is}" is not in the vocabulary of rules.`);
    rules.set(coordinate, rule);
    return rule;
  }

  private refuseRowless(coordinate: string, rule: Rule, model: Model | undefined) {
    const atom = model ? undefined : atomsOf(rule).find((one) => !vocabulary[one.is]?.aboutViewer);
    if (atom) throw new PothosSchemaError(`${coordinate}: "${print(atom)}" asks about a row, and the type has none.`);
  }
}

const isOpen = (rule: Rule) => 'is' in rule && rule.is === 'anyone';

/** Lets pass who may know of the row. Throws what others are told: their denial where no row would do, else that there is no such row. */
function admit(context: Context, type: string, model: Model | undefined, row: Row): true | Promise<true> {
  const rule = ruleOf(type);
  const told = () => (verdict(context, rule) === undefined ? failure('NOT_FOUND') : denial(context, type));
  const met = verdict(context, rule, model, row);
  if (met === true) return true;
  if (!(met instanceof Promise)) throw told();
  return met.then((yes) => {
    if (yes) return true;
    throw told();
  });
}

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
    failure.error ?? denial(context, `${info.parentType.name}.${info.fieldName}`),
} as const;

SchemaBuilder.registerPlugin('access', AccessPlugin as never);
