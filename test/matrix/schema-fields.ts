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
import { ruleOf } from '../authorization/access.ts';
import type { QueryResult } from '../test-server.ts';
import type { Verdict } from './expected-verdicts.ts';

type Path = readonly (string | number)[];

/** A selection of all fields of a type; of objects only `__typename`. */
export function everyField(typeName: string): string {
  const type = schema.getType(typeName);
  if (isUnionType(type))
    return type
      .getTypes()
      .map((one) => `... on ${one.name} { ${everyField(one.name)} }`)
      .join(' ');
  return fieldsOf(typeName).map(selectionOf).join(' ');
}

export function fieldsOf(typeName: string): GraphQLField<unknown, unknown>[] {
  const type = schema.getType(typeName);
  return isObjectType(type) || isInterfaceType(type) ? Object.values(type.getFields()) : [];
}

const selectionOf = ({ name, type }: { name: string; type: GraphQLOutputType }) =>
  isCompositeType(getNamedType(type)) ? `${name} { __typename }` : name;

const verdictByCode: Record<string, Verdict> = {
  FORBIDDEN: '–',
  NOT_FOUND: '∅',
  UNAUTHENTICATED: '⊘',
  REAUTHENTICATION_REQUIRED: '↻',
  SELF_ACTION_FORBIDDEN: '!',
};

/** The verdict on the field at a path of a result. Throws for any error that is not a verdict. */
// biome-ignore lint/suspicious/noExplicitAny: documents are built from the schema
export function verdictAt({ data, errors }: Pick<QueryResult<any>, 'data' | 'errors'>, path: Path): Verdict {
  const denial = errors?.find((error) => error.path && starts(path, error.path));
  if (denial) {
    const symbol = verdictByCode[denial.extensions.code];
    if (!symbol) throw new Error(`${path.join('.')}: ${JSON.stringify(denial)}`);
    return symbol;
  }
  const value = path.reduce((at, key) => at?.[key], data);
  return value === null || value === undefined ? '∅' : '✔';
}

const starts = (path: Path, start: Path) => start.every((key, at) => path[at] === key);

/** The denials of a result that do not name their coordinate and the rule that failed: that of the coordinate, or `needs`. */
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

/** Every coordinate of the schema with a rule: fields, fields of filters and orders, and arguments that have a rule. */
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
