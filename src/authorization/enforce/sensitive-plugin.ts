import SchemaBuilder, { BasePlugin, type PothosOutputFieldConfig, PothosSchemaError, type SchemaTypes } from '@pothos/core';
import { type GraphQLFieldResolver, type GraphQLSchema, isInterfaceType, isObjectType } from 'graphql';
import type { Context } from '../../graphql/context.ts';
import type { Viewer } from '../../identity/viewer.ts';
import { evaluateInMemory } from '../../policy/evaluators.ts';
import type { RowSubject } from '../../policy/grants-scope.ts';
import { type Model, ownerIdOf, parentOf, type Row } from '../../policy/ownership.ts';
import { ruleOf } from '../rules/registry.ts';
import { type Condition, print, type Rule } from '../rules/rule.ts';

declare global {
  namespace PothosSchemaTypes {
    interface Plugins<Types extends SchemaTypes> {
      sensitive: SensitivePlugin<Types>;
    }
    interface FieldOptions {
      /** Whoever reads a value of this field that is not their own leaves a receipt, which the owner reads. */
      sensitive?: true;
    }
  }
}

/** The coordinates of the sensitive fields, filled as the schema is built. */
export const sensitiveCoordinates = new Set<string>();

/** Notes who was answered a sensitive field. Stands inside of all guards, so what they deny never comes to it. */
class SensitivePlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  private readonly found: (readonly [type: string, field: string])[] = [];

  override wrapResolve(resolve: Resolver<Types['Context']>, config: PothosOutputFieldConfig<Types>): Resolver<Types['Context']> {
    if (!config.pothosOptions.sensitive) return resolve;
    const field = `${config.parentType}.${config.name}`;
    const model = this.buildCache.getTypeConfig(config.parentType).extensions?.pothosPrismaModel as Model | undefined;
    if (!model) throw new PothosSchemaError(`${field} is sensitive, and its type has no rows that anybody could own.`);
    if (model !== 'User' && parentOf(model)?.model !== 'User')
      throw new PothosSchemaError(`${field} is sensitive, and a row of ${model} does not say whose it is.`);
    this.found.push([config.parentType, config.name]);
    return noting(resolve, field, model);
  }

  /** After the access plugin, wherever that stands in the list. */
  override afterBuild(schema: GraphQLSchema) {
    for (const [typeName, name] of this.found) {
      const type = schema.getType(typeName);
      const field = isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined;
      const { access } = (field?.extensions.directives ?? {}) as { access?: object };
      if (field) field.extensions = { ...field.extensions, directives: { access: { ...access, sensitive: true } } };
      sensitiveCoordinates.add(`${typeName}.${name}`);
    }
    return schema;
  }
}

type Resolver<In> = GraphQLFieldResolver<unknown, In, object>;

const noting =
  <In>(resolve: Resolver<In>, field: string, model: Model): Resolver<In> =>
  (row, args, context, info) => {
    const answered = (value: unknown) => {
      if (value !== null && value !== undefined) note(context as Context, field, model, row as Row);
      return value;
    };
    const value = resolve(row, args, context, info);
    return value instanceof Promise ? value.then(answered) : answered(value);
  };

function note({ viewer, receipts }: Context, field: string, model: Model, row: Row) {
  const ownerId = ownerIdOf(model, row);
  if (!viewer || !ownerId || ownerId === viewer.user.id) return;
  receipts.record({ ownerId, actorId: viewer.user.id, field }, () => viaOf(ruleOf(field), viewer, { model, row }));
}

/** The part of the rule that let the viewer through, as people read it; all of it where that is about how they came alone. */
function viaOf(rule: Rule, viewer: Viewer, subject: RowSubject): string {
  const atoms = lettingThrough(rule, viewer, subject).filter(({ is }) => !aboutCalling.includes(is));
  return [...new Set(atoms.map(print))].join(' | ') || print(rule);
}

const aboutCalling = ['signedIn', 'scope', 'session', 'fresh', 'confirmed'];

/** Of every choice the leaves that are met or, where only the database knew which it was, those that are not known to be unmet. */
function lettingThrough(rule: Rule, viewer: Viewer, subject: RowSubject): Condition[] {
  if ('is' in rule) return [rule];
  if ('all' in rule) return rule.all.flatMap((part) => lettingThrough(part, viewer, subject));
  const verdicts = rule.any.map((part) => evaluateInMemory(part, viewer, subject));
  const wanted = verdicts.includes(true) ? true : undefined;
  return rule.any.flatMap((part, at) => (verdicts[at] === wanted ? lettingThrough(part, viewer, subject) : []));
}

SchemaBuilder.registerPlugin('sensitive', SensitivePlugin as never);
