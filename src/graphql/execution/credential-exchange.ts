import {
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  getOperationAST,
  Kind,
  OperationTypeNode,
  type SelectionSetNode,
} from 'graphql';
import { accessOf } from '../../authorization/rules/registry.ts';
import { evaluateInMemory } from '../../policy/policy.ts';

/**
 * True if every root field of the operation exchanges a credential, such as `login`, `refresh` and `resetPassword`: a credential field that anyone
 * may call. A client that wants a new session often still sends its expired token.
 */
export function onlyExchangesCredentials(schema: GraphQLSchema, document: DocumentNode, operationName: string | null | undefined): boolean {
  const operation = getOperationAST(document, operationName);
  const root = schema.getMutationType();
  if (operation?.operation !== OperationTypeNode.MUTATION || !root) return false;
  const { rules } = accessOf(schema);
  const fields = root.getFields();
  const exchanges = (name: string) => {
    const rule = rules.get(`${root.name}.${name}`);
    return fields[name]?.extensions.credential === true && rule !== undefined && evaluateInMemory(rule, null) === true;
  };
  const names = rootFieldNames(document, operation.selectionSet).filter((name) => name !== '__typename');
  return names.length > 0 && names.every(exchanges);
}

/** The names of the root fields, also of those that a directive may leave out. Each fragment once, so in time linear in the document. */
function rootFieldNames(document: DocumentNode, { selections }: SelectionSetNode, seen = new Set<string>()): string[] {
  return selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return [selection.name.value];
    if (selection.kind === Kind.INLINE_FRAGMENT) return rootFieldNames(document, selection.selectionSet, seen);
    const name = selection.name.value;
    if (seen.has(name)) return [];
    seen.add(name);
    const fragment = document.definitions.find(
      (node): node is FragmentDefinitionNode => node.kind === Kind.FRAGMENT_DEFINITION && node.name.value === name,
    );
    return fragment ? rootFieldNames(document, fragment.selectionSet, seen) : [];
  });
}
