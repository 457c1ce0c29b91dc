import { type ExecutionResult, GraphQLError } from 'graphql';
import { graphqlError } from '../../errors.ts';

const maxCharacters = 1024 * 1024; // security.md F27, as is the next
const maxErrors = 20;

/** The result with at most so many errors; the last one says how many were omitted. */
export function truncateErrors<R extends ExecutionResult>(result: R): R {
  const { errors } = result;
  if (!errors || errors.length <= maxErrors) return result;
  const omitted = errors.length - maxErrors + 1;
  return { ...result, errors: [...errors.slice(0, maxErrors - 1), graphqlError('QUERY_TOO_COMPLEX', { limit: 'errors', omitted })] };
}

/** Serializes a result; one that is too large is replaced by an error. */
export function stringify(result: unknown): string {
  const text = JSON.stringify(result);
  return isTooLarge(text) ? JSON.stringify({ data: null, errors: [responseTooLarge()] }) : text;
}

export const isTooLarge = (text: string) => text.length > maxCharacters;

export const responseTooLarge = (): GraphQLError => graphqlError('QUERY_TOO_COMPLEX', { limit: 'answer' });

/** The error as the client gets it: without the HTTP status and headers, which are for the transport. */
export function toClientError(error: GraphQLError): GraphQLError {
  if (!error.extensions.http) return error;
  const { http: _, ...extensions } = error.extensions;
  const { nodes, source, positions, path } = error;
  return new GraphQLError(error.message, { nodes, source, positions, path, extensions });
}
