import { type ConstDirectiveNode, type FieldDefinitionNode, type InputValueDefinitionNode, Kind, parse } from 'graphql';
import { parseRule } from '../src/authorization/rules/parse-rule.ts';
import type { Rule } from '../src/authorization/rules/rule.ts';

/** The places of a schema by their coordinates, each with its rule; undefined where the place says none. Throws, by name, for a rule that is none. */
export function placesOf(source: string, name: string): Map<string, Rule | undefined> {
  return new Map(
    definitionsIn(source, name).flatMap((definition) => {
      if (!('fields' in definition)) return [];
      const type = definition.name.value;
      const fields: readonly (FieldDefinitionNode | InputValueDefinitionNode)[] = definition.fields ?? [];
      return [at(name, type, definition), ...fields.flatMap((field) => placesOfField(name, type, field))];
    }),
  );
}

type Place = readonly [coordinate: string, rule: Rule | undefined];

function definitionsIn(source: string, name: string) {
  try {
    return parse(source).definitions.filter((one) => 'name' in one && one.name !== undefined && one.kind !== Kind.DIRECTIVE_DEFINITION);
  } catch (error) {
    throw new Error(`${name} is no GraphQL schema: ${(error as Error).message}`);
  }
}

function placesOfField(name: string, type: string, field: FieldDefinitionNode | InputValueDefinitionNode): Place[] {
  const coordinate = `${type}.${field.name.value}`;
  const args = 'arguments' in field ? (field.arguments ?? []) : [];
  return [at(name, coordinate, field), ...args.map((arg) => at(name, `${coordinate}(${arg.name.value}:)`, arg))];
}

function at(name: string, coordinate: string, node: { readonly directives?: readonly ConstDirectiveNode[] | undefined }): Place {
  const directive = node.directives?.find((one) => one.name.value === 'access');
  if (!directive) return [coordinate, undefined];
  const value = directive.arguments?.find((argument) => argument.name.value === 'rule')?.value;
  try {
    return [coordinate, parseRule(value?.kind === Kind.STRING ? value.value : '')];
  } catch (error) {
    throw new Error(`${coordinate} in ${name} has a rule that can not be read: ${(error as Error).message}.`);
  }
}
