import { type ExecutionResult, GraphQLError } from 'graphql';
import { graphqlError } from '../../errors.ts';

const most = { characters: 1024 * 1024, errors: 20 }; // security.md F27

/** What is left of an answer: no more errors than anybody reads, the last of which says that there were more. */
export function truncateErrors<R extends ExecutionResult>(result: R): R {
  const { errors } = result;
  if (!errors || errors.length <= most.errors) return result;
  const omitted = errors.length - most.errors + 1;
  return { ...result, errors: [...errors.slice(0, most.errors - 1), graphqlError('QUERY_TOO_COMPLEX', { limit: 'errors', omitted })] };
}

/** The answer as JSON or, where it is longer than anybody is sent, an error in its place. */
export function stringify(result: unknown): string {
  const text = JSON.stringify(result);
  return text.length <= most.characters ? text : JSON.stringify({ data: null, errors: [responseTooLarge()] });
}

export const isTooLong = (text: string) => text.length > most.characters;

export const responseTooLarge = (): GraphQLError => graphqlError('QUERY_TOO_COMPLEX', { limit: 'answer' });

/** The error as a client reads it; the status of HTTP is not part of it. */
export function toClientError(error: GraphQLError): GraphQLError {
  if (!error.extensions.http) return error;
  const { http: _, ...extensions } = error.extensions;
  const { nodes, source, positions, path } = error;
  return new GraphQLError(error.message, { nodes, source, positions, path, extensions });
}
