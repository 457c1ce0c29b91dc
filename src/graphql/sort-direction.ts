import { builder } from './builder.ts';

export const SortDirection = builder.enumType('SortDirection', {
  description: 'Which end of an order comes first.',
  values: {
    ASC: { value: 'asc', description: 'The smallest, earliest or first in the alphabet.' },
    DESC: { value: 'desc', description: 'The largest, latest or last in the alphabet.' },
  } as const,
});
