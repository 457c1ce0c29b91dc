import {
  type GraphQLField,
  type GraphQLOutputType,
  getNamedType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  isUnionType,
} from 'graphql';
import { print, type Rule } from '../../src/authorization/rules/rule.ts';
import { schema } from '../../src/schema/schema.ts';
import type { QueryResult } from '../test-server.ts';
import { ruleOf } from './access.ts';
import type { Verdict } from './matrix-truth.ts';

type Path = readonly (string | number)[];

/** All fields of a type, as a selection; of what they lead to only that it is there. */
export function everyField(typeName: string): string {
  const type = schema.getType(typeName);
  if (isUnionType(type))
    return type
      .getTypes()
      .map((one) => `... on ${one.name} { ${everyField(one.name)} }`)
      .join(' ');
  return fieldsOf(typeName).map(selected).join(' ');
}

export function fieldsOf(typeName: string): GraphQLField<unknown, unknown>[] {
  const type = schema.getType(typeName);
  return isObjectType(type) || isInterfaceType(type) ? Object.values(type.getFields()) : [];
}

const selected = ({ name, type }: { name: string; type: GraphQLOutputType }) =>
  isCompositeType(getNamedType(type)) ? `${name} { __typename }` : name;

const symbols: Record<string, Verdict> = {
  FORBIDDEN: '–',
  NOT_FOUND: '∅',
  UNAUTHENTICATED: '⊘',
  REAUTHENTICATION_REQUIRED: '↻',
  SELF_ACTION_FORBIDDEN: '!',
};

/** What the answer says of the field at a path. Throws for any error that is no verdict. */
// biome-ignore lint/suspicious/noExplicitAny: documents are built from the schema
export function verdictAt({ data, errors }: Pick<QueryResult<any>, 'data' | 'errors'>, path: Path): Verdict {
  const refusal = errors?.find((error) => error.path && starts(path, error.path));
  if (refusal) {
    const symbol = symbols[refusal.extensions.code];
    if (!symbol) throw new Error(`${path.join('.')}: ${JSON.stringify(refusal)}`);
    return symbol;
  }
  const value = path.reduce((at, key) => at?.[key], data);
  return value === null || value === undefined ? '∅' : '✔';
}

const starts = (path: Path, start: Path) => start.every((key, at) => path[at] === key);

/** Denials that do not say where they stand and which rule was not met: that of the place, or what this input needed besides. */
// biome-ignore lint/suspicious/noExplicitAny: documents are built from the schema
export function unexplained({ errors }: Pick<QueryResult<any>, 'errors'>, needs?: Rule): unknown[] {
  const denied = (errors ?? []).filter((error) => error.extensions.code === 'FORBIDDEN');
  return denied.filter(({ path, extensions: { coordinate, rule } }) => {
    const name = String(path?.at(-1));
    const placed = new RegExp(`\\.${name}(\\(|$)|^${name}Input\\.|^${name.replace(/s$/, '')}(Filter|Order)\\.`, 'i');
    const isPlaced = typeof coordinate === 'string' && placed.test(coordinate);
    return !isPlaced || ![print(ruleOf(coordinate)), needs && print(needs)].includes(rule as string);
  });
}

/** Every place of the schema that a rule guards: fields, parts of filters and orders, and arguments that carry a rule. */
export function coordinates(): string[] {
  return Object.values(schema.getTypeMap()).flatMap((type) => {
    if (type.name.startsWith('__') || !('getFields' in type)) return [];
    const fields = Object.values(type.getFields());
    if (!isObjectType(type))
      return fields
        .filter((field) => /(Filter|Order)$/.test(type.name) || isNode(type.name) || field.extensions.directives)
        .map((field) => `${type.name}.${field.name}`);
    return (fields as GraphQLField<unknown, unknown>[]).flatMap((field) => [
      `${type.name}.${field.name}`,
      ...field.args.filter((arg) => arg.extensions.directives).map((arg) => `${type.name}.${field.name}(${arg.name}:)`),
    ]);
  });
}

const isNode = (name: string) => name === 'Node';
