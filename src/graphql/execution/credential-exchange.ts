import { type DocumentNode, type GraphQLSchema, getOperationAST, OperationTypeNode } from 'graphql';
import { accessOf } from '../../authorization/rules/registry.ts';
import { evaluateInMemory } from '../../policy/policy.ts';
import { rootFieldNames } from './root-fields.ts';

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
  const names = rootFieldNames(document, operation.selectionSet);
  return names.length > 0 && names.every(exchanges);
}
