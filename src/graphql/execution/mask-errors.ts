import { randomUUID } from 'node:crypto';
import { PothosValidationError } from '@pothos/core';
import { ForbiddenError } from '@pothos/plugin-scope-auth';
import { GraphQLError } from 'graphql';
import { codeOf, errorCodeFromDatabase, errors, graphqlError, operatorFaultOf, requestErrorFor } from '../../errors.ts';
import { createAggregatedLog } from '../../lib/aggregated-log.ts';
import type { LogFields, Logger } from '../../logger.ts';

/**
 * Turns any error into what the client may see: a code of the error table with its message, never input values or internals (security.md 18.1,
 * 18.2). An unexpected error becomes INTERNAL with an id, under which the log has its stack.
 */
export function createErrorMask(log: Logger) {
  const reportOperatorFault = createFaultReporter(log);
  return (thrown: unknown): GraphQLError => {
    const error = thrown instanceof GraphQLError ? thrown : new GraphQLError('', { originalError: thrown as Error });
    const { path, originalError, nodes, source, positions } = error;
    const location = { path, nodes, source, positions };
    const inner = originalError instanceof GraphQLError ? originalError : error;
    const code = codeOf(inner);
    if (code && code in errors) return withLocation(inner, location);
    if (originalError instanceof ForbiddenError) return withLocation(graphqlError('FORBIDDEN'), location);
    if (originalError instanceof PothosValidationError) return withLocation(graphqlError('INVALID_INPUT'), location);
    if (isDocumentError(error, inner)) return documentError(path ? inner : error, location);
    const databaseCode = errorCodeFromDatabase(originalError);
    reportOperatorFault(originalError);
    // A unique key or a missing row that the resolver did not expect is a defect.
    if (databaseCode && databaseCode !== 'TAKEN' && databaseCode !== 'NOT_FOUND')
      return withLocation(requestErrorFor(databaseCode), location);
    const errorId = randomUUID();
    log.error(
      { event: 'sys_defect', errorId, error: String(originalError?.stack ?? originalError ?? error) },
      'operation failed unexpectedly',
    );
    return withLocation(graphqlError('INTERNAL', { errorId }), location);
  };
}

/** Logs a fault of the database that its operator has to mend, for each code: every request fails meanwhile. */
function createFaultReporter(log: Logger) {
  const report = createAggregatedLog<LogFields<'error'>>((fields, message) => log.error(fields, message));
  return (error: unknown) => {
    const code = operatorFaultOf(error);
    if (code === undefined) return;
    report(code, { event: 'sys_database_fault', code, error: String((error as Error).message) }, 'the database rejects statements');
  };
}

type ErrorLocation = Pick<GraphQLError, 'path' | 'nodes' | 'source' | 'positions'>;

const withLocation = (error: GraphQLError, location: ErrorLocation) =>
  new GraphQLError(error.message, { ...location, extensions: error.extensions });

/** True if graphql-js raised it for the operation itself: before any field was executed, or about the arguments of a field. */
function isDocumentError({ originalError, path }: GraphQLError, inner: GraphQLError): boolean {
  if (originalError && inner !== originalError) return false;
  return path === undefined || (inner.nodes?.[0] !== undefined && inner.nodes[0].kind !== 'Field');
}

/** An error of the document or its variables, without the values that graphql-js quotes. */
function documentError(error: GraphQLError, location: ErrorLocation): GraphQLError {
  return new GraphQLError(documentMessage(error), {
    ...location,
    extensions: { code: 'INVALID_INPUT', http: { status: 400, headers: {} } },
  });
}

const variableError = /^Variable "\$(?<variable>\w+)" (?:got invalid value|of ).*?(?: at "(?<at>[\w.[\]]+)")?(?:;|$)/s;

function documentMessage({ message, nodes }: GraphQLError): string {
  const { variable, at } = variableError.exec(message)?.groups ?? {};
  if (variable) return `Invalid value for variable $${variable}${at ? ` at ${at}` : ''}.`;
  if (message.startsWith('Syntax Error')) return 'The document is not valid GraphQL.';
  if (message.startsWith('Unknown operation')) return 'The document has no operation with this name.';
  if (nodes?.[0]?.kind.endsWith('Value')) return 'A value in the document does not match its type.';
  return message.replace(/ Did you mean .*$/s, '');
}
