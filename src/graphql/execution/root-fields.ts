import { type DocumentNode, type FragmentDefinitionNode, Kind, type SelectionSetNode } from 'graphql';

/**
 * The names of the root fields of an operation except `__typename`, also of those that a directive may leave out. Each fragment once, so in time
 * linear in the document.
 */
export function rootFieldNames(document: DocumentNode, { selections }: SelectionSetNode, seen = new Set<string>()): string[] {
  return selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return selection.name.value === '__typename' ? [] : [selection.name.value];
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
