import { GraphQLError, GraphQLScalarType, Kind, valueFromASTUntyped } from 'graphql';
import { z } from 'zod';

const written = z.iso.datetime({ offset: true });

/** An instant: a `Date` here, text as RFC 3339 writes it outside. What SQL gives as JSON is such text already. */
export const DateTime = new GraphQLScalarType<Date, Date>({
  name: 'DateTime',
  serialize: (value) => {
    const date = value instanceof Date ? value : new Date(String(value));
    if (Number.isNaN(date.getTime())) throw new GraphQLError('DateTime cannot represent what is no instant.');
    return date;
  },
  parseValue: (value) => instant(value),
  parseLiteral: (node) => instant(node.kind === Kind.STRING ? node.value : undefined),
});

/** Any JSON value, as it is. */
export const Json = new GraphQLScalarType({ name: 'JSON', parseValue: (value) => value, parseLiteral: valueFromASTUntyped });

function instant(value: unknown): Date {
  const { data } = written.safeParse(value);
  if (data === undefined) throw new GraphQLError('DateTime takes an instant as RFC 3339 writes it.');
  return new Date(data);
}
