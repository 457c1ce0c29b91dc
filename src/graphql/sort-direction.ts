import { builder } from './builder.ts';

export const SortDirection = builder.enumType('SortDirection', {
  description: 'The direction of a sort order.',
  values: {
    ASC: { value: 'asc', description: 'Ascending: the smallest value first.' },
    DESC: { value: 'desc', description: 'Descending: the largest value first.' },
  } as const,
});
