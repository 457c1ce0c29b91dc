import SchemaBuilder, {
  BasePlugin,
  type PothosInputFieldConfig,
  type PothosOutputFieldConfig,
  PothosSchemaError,
  type PothosTypeConfig,
  type SchemaTypes,
} from '@pothos/core';
import type { Context } from '../context.ts';
import type { Model, Row } from './ownership.ts';
import { all, atomsOf, print, type Rule } from './rule.ts';
import { rules } from './rules.ts';
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
      (config.pothosOptions as { authScopes?: unknown }).authScopes = (row: Row, context: Context) => verdict(context, rule, model, row);
    return { ...config, ...printed(config, rule) };
  }

  override onOutputFieldConfig(config: PothosOutputFieldConfig<Types>) {
    const coordinate = `${config.parentType}.${config.name}`;
    const own = config.pothosOptions.access;
    if (roots.includes(config.parentType)) {
      const rule = this.said(coordinate, own);
      const authScopes = (_: unknown, __: unknown, context: Context) => verdict(context, rule) !== false;
      return this.guarded(config, rule, isOpen(rule) ? undefined : authScopes);
    }
    const type = this.buildCache.getTypeConfig(config.parentType);
    const typeRule = this.said(config.parentType, type.pothosOptions.access as Rule | undefined);
    const rule = this.said(coordinate, own ? all(typeRule, own) : typeRule);
    const model = type.extensions?.pothosPrismaModel as Model | undefined;
    this.refuseRowless(coordinate, rule, model);
    const narrows = type.graphqlKind === 'Object' && print(rule) !== print(typeRule);
    return this.guarded(config, rule, narrows ? (row: Row, _: unknown, context: Context) => verdict(context, rule, model, row) : undefined);
  }

  override onInputFieldConfig(config: PothosInputFieldConfig<Types>) {
    const own = config.pothosOptions.access;
    if (!own && !isCriterion(config.parentType)) return config;
    const rule = this.said(`${config.parentType}.${config.name}`, own);
    return { ...config, ...printed(config, rule) };
  }

  /** What the field says of itself, and how scope-auth guards it. */
  private guarded(config: PothosOutputFieldConfig<Types>, rule: Rule, authScopes: unknown) {
    if (authScopes) Object.assign(config.pothosOptions, { authScopes });
    const credential = config.pothosOptions.credential === true;
    const marked = printed(config, rule);
    return { ...config, ...marked, extensions: { ...marked.extensions, credential } };
  }

  private said(coordinate: string, rule: Rule | undefined) {
    if (!rule) throw new PothosSchemaError(`${coordinate} has no access rule: say who may by its \`access\` option.`);
    for (const atom of atomsOf(rule))
      if (!vocabulary[atom.is]) throw new PothosSchemaError(`${coordinate}: "${atom.is}" is not in the vocabulary of rules.`);
    rules.set(coordinate, rule);
    return rule;
  }

  private refuseRowless(coordinate: string, rule: Rule, model: Model | undefined) {
    const atom = model ? undefined : atomsOf(rule).find((one) => !vocabulary[one.is]?.aboutViewer);
    if (atom) throw new PothosSchemaError(`${coordinate}: "${print(atom)}" asks about a row, and the type has none.`);
  }
}

const isOpen = (rule: Rule) => 'is' in rule && rule.is === 'anyone';

function printed(config: { description?: string | null | undefined; extensions?: object | null | undefined }, rule: Rule) {
  const text = print(rule);
  const description = config.description ? `${config.description}\n\nAccess: ${text}` : config.description;
  return { description, extensions: { ...config.extensions, directives: { access: { rule: text } } } };
}

/** The options of scope-auth that go with this plugin; its own defaults are open (security.md, LAB 5). */
export const scopeAuth = {
  authScopes: () => ({}),
  defaultStrategy: 'all',
  treatErrorsAsUnauthorized: true,
  runScopesOnType: true,
  authorizeOnSubscribe: true,
  unauthorizedError: (_: object, context: Context, info: { parentType: { name: string }; fieldName: string }) =>
    denial(context, `${info.parentType.name}.${info.fieldName}`),
} as const;

SchemaBuilder.registerPlugin('access', AccessPlugin as never);
