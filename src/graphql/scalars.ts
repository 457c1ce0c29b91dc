import { GraphQLError, GraphQLScalarType, Kind, valueFromASTUntyped } from 'graphql';
import { z } from 'zod';

const rfc3339 = z.iso.datetime({ offset: true });

/** A `Date` inside the server, an RFC 3339 string in the API. Dates that SQL returns as JSON are such strings already. */
export const DateTime = new GraphQLScalarType<Date, Date>({
  name: 'DateTime',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339#section-5.6',
  serialize: (value) => {
    const date = value instanceof Date ? value : new Date(String(value));
    if (Number.isNaN(date.getTime())) throw new GraphQLError('DateTime cannot represent an invalid date.');
    return date;
  },
  parseValue: (value) => parseDateTime(value),
  parseLiteral: (node) => parseDateTime(node.kind === Kind.STRING ? node.value : undefined),
});

/** Any JSON value, unchanged. */
export const Json = new GraphQLScalarType({ name: 'JSON', parseValue: (value) => value, parseLiteral: valueFromASTUntyped });

function parseDateTime(value: unknown): Date {
  const { data } = rfc3339.safeParse(value);
  if (data === undefined)
    throw new GraphQLError('DateTime must be an RFC 3339 date and time with a time zone, such as 2026-01-31T12:00:00Z.');
  return new Date(data);
}
