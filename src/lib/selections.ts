import {
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLIncludeDirective,
  type GraphQLSchema,
  GraphQLSkipDirective,
  getDirectiveValues,
  isAbstractType,
  isObjectType,
  Kind,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';

/** What expanding a selection set depends on; a `GraphQLResolveInfo` has the same, partly under other names. */
export interface SelectionContext {
  readonly schema: GraphQLSchema;
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode | undefined>>;
  /** The coerced variables, which decide `@skip` and `@include`. */
  readonly variables: Record<string, unknown>;
}

/** A selected field, and the type that it is selected on: the parent's, or what a fragment narrows an interface to. */
export interface SelectedField {
  readonly node: FieldNode;
  readonly type: string;
}

/** The fields that a selection set selects on `type`, in document order, with fragments expanded and `@skip` and `@include` applied. */
export function selectedFields(of: SelectionContext, set: SelectionSetNode | undefined, type: string): SelectedField[] {
  return (set?.selections ?? []).flatMap((selection) => {
    if (!isIncluded(selection, of.variables)) return [];
    if (selection.kind === Kind.FIELD) return [{ node: selection, type }];
    const fragment = selection.kind === Kind.INLINE_FRAGMENT ? selection : of.fragments[selection.name.value];
    const narrowed = fragment && narrowedType(of.schema, type, fragment.typeCondition?.name.value);
    return narrowed === undefined ? [] : selectedFields(of, fragment?.selectionSet, narrowed);
  });
}

const isIncluded = (selection: SelectionNode, variables: Record<string, unknown>) =>
  getDirectiveValues(GraphQLSkipDirective, selection, variables)?.if !== true &&
  getDirectiveValues(GraphQLIncludeDirective, selection, variables)?.if !== false;

/** The type of the objects that a fragment on `condition` applies to within `type`; undefined if it applies to none. */
function narrowedType(schema: GraphQLSchema, type: string, condition = type): string | undefined {
  const [outer, inner] = [schema.getType(type), schema.getType(condition)];
  if (type === condition || !isObjectType(outer)) return condition;
  return isAbstractType(inner) && schema.isSubType(inner, outer) ? type : undefined;
}
