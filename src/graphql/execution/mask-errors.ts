import { randomUUID } from 'node:crypto';
import { PothosValidationError } from '@pothos/core';
import { ForbiddenError } from '@pothos/plugin-scope-auth';
import { GraphQLError } from 'graphql';
import { codeOf, errorCodeFromDatabase, errors, graphqlError } from '../../errors.ts';
import type { Logger } from '../../lib/logger.ts';

/** What a client sees of any error: a code out of the table and its sentence, never input values or internals (security.md 18.1, 18.2). */
export function createErrorMask(log: Logger) {
  return (thrown: unknown): GraphQLError => {
    const error = thrown instanceof GraphQLError ? thrown : new GraphQLError('', { originalError: thrown as Error });
    const { path, originalError, nodes } = error;
    const place = { path, nodes, source: error.source, positions: error.positions };
    const inner = originalError instanceof GraphQLError ? originalError : error;
    if (codeOf(inner) && (codeOf(inner) as string) in errors) return placed(inner, place);
    if (originalError instanceof ForbiddenError) return placed(graphqlError('FORBIDDEN'), place);
    if (originalError instanceof PothosValidationError) return placed(graphqlError('INVALID_INPUT'), place);
    if (isOfDocument(error, inner)) return ofDocument(path ? inner : error, place);
    const meaning = errorCodeFromDatabase(originalError);
    if (meaning && meaning !== 'TAKEN' && meaning !== 'NOT_FOUND') return placed(graphqlError(meaning), place);
    const errorId = randomUUID();
    log.error({ errorId, error: String(originalError?.stack ?? originalError ?? error) }, 'an operation failed unexpectedly');
    return placed(graphqlError('INTERNAL', { errorId }), place);
  };
}

type Place = Pick<GraphQLError, 'path' | 'nodes' | 'source' | 'positions'>;

const placed = (error: GraphQLError, place: Place) => new GraphQLError(error.message, { ...place, extensions: error.extensions });

/** Whether graphql-js itself threw it, of the operation: before a field ran, or of a field's arguments. */
function isOfDocument({ originalError, path }: GraphQLError, inner: GraphQLError): boolean {
  if (originalError && inner !== originalError) return false;
  return path === undefined || (inner.nodes?.[0] !== undefined && inner.nodes[0].kind !== 'Field');
}

/** An error of the document or its variables: where, and of what kind, without the values that graphql-js repeats. */
function ofDocument(error: GraphQLError, place: Place): GraphQLError {
  return new GraphQLError(sentence(error), { ...place, extensions: { code: 'INVALID_INPUT', http: { status: 400, headers: {} } } });
}

function sentence({ message, nodes }: GraphQLError): string {
  const [, variable, at] = /^Variable "\$(\w+)" (?:got invalid value|of ).*?(?: at "([\w.[\]]+)")?(?:;|$)/s.exec(message) ?? [];
  if (variable) return `The variable $${variable} is not valid${at ? ` at ${at}` : ''}.`;
  if (message.startsWith('Syntax Error')) return 'The document is not valid GraphQL.';
  if (message.startsWith('Unknown operation')) return 'The document has no operation of that name.';
  if (nodes?.[0]?.kind.endsWith('Value')) return 'A value in the document does not fit its type.';
  return message.replace(/ Did you mean .*$/s, '');
}
