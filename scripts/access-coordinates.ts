import { type ConstDirectiveNode, type FieldDefinitionNode, type InputValueDefinitionNode, Kind, parse } from 'graphql';
import { parseRule } from '../src/authorization/rules/parse-rule.ts';
import type { Rule } from '../src/authorization/rules/rule.ts';

/** The rule of every coordinate of a printed schema; undefined for coordinates without one. Throws the name of an element whose rule is invalid. */
export function rulesByCoordinate(source: string, name: string): Map<string, Rule | undefined> {
  const entries = definitionsIn(source, name).flatMap((definition) => {
    if (!('fields' in definition)) return [];
    const type = definition.name.value;
    const fields: readonly (FieldDefinitionNode | InputValueDefinitionNode)[] = definition.fields ?? [];
    return [ruleAt(name, type, definition), ...fields.flatMap((field) => rulesOfField(name, type, field))];
  });
  return new Map(entries.map(({ coordinate, rule }) => [coordinate, rule]));
}

interface Entry {
  readonly coordinate: string;
  readonly rule: Rule | undefined;
}

function definitionsIn(source: string, name: string) {
  try {
    return parse(source).definitions.filter((one) => 'name' in one && one.name !== undefined && one.kind !== Kind.DIRECTIVE_DEFINITION);
  } catch (error) {
    throw new Error(`${name} is not a GraphQL schema: ${(error as Error).message}`);
  }
}

function rulesOfField(name: string, type: string, field: FieldDefinitionNode | InputValueDefinitionNode): Entry[] {
  const coordinate = `${type}.${field.name.value}`;
  const args = 'arguments' in field ? (field.arguments ?? []) : [];
  return [ruleAt(name, coordinate, field), ...args.map((arg) => ruleAt(name, `${coordinate}(${arg.name.value}:)`, arg))];
}

function ruleAt(name: string, coordinate: string, node: { readonly directives?: readonly ConstDirectiveNode[] | undefined }): Entry {
  const directive = node.directives?.find((one) => one.name.value === 'access');
  if (!directive) return { coordinate, rule: undefined };
  const value = directive.arguments?.find((argument) => argument.name.value === 'rule')?.value;
  try {
    return { coordinate, rule: parseRule(value?.kind === Kind.STRING ? value.value : '') };
  } catch (error) {
    throw new Error(`${coordinate} in ${name} has an invalid rule: ${(error as Error).message}.`);
  }
}
