import type { AccessContext } from '../rules/policy.ts';

/** The arguments of a connection. */
export interface PaginationArgs {
  readonly first?: number | null;
  readonly last?: number | null;
  readonly after?: string | null;
  readonly before?: string | null;
}

const maxPageSize = 100; // security.md F24

/** Checks the page size. Throws the policy's error for invalid input. */
export function validatePageSize(context: AccessContext, { first, last }: PaginationArgs): true {
  const { invalidInput } = context.access.policy;
  if (first != null && last != null) throw invalidInput({ first: ['must not be combined with `last`'] });
  for (const [name, size] of Object.entries({ first, last }))
    if (size != null && (size < 1 || size > maxPageSize)) throw invalidInput({ [name]: [`must be between 1 and ${maxPageSize}`] });
  return true;
}
