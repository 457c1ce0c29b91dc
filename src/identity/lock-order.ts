import { type Sql, sql, type Tx } from '../database/database.ts';

/** What a transaction depends on and changes. `lockInOrder` locks all of it before anything is decided. */
export interface LockedRows {
  /** Users who act, or who are changed. */
  readonly users?: readonly string[];
  /** Users whose grants must stay as they are. If one of them has rights in a domain, no domain is disabled, moved or deleted meanwhile. */
  readonly holders?: readonly string[];
  /** Grants that are to be changed; those delegated from them are locked as well. */
  readonly changedGrants?: readonly string[];
  /** `share` to add a domain, `update` to move, enable, disable or delete one, with which those below it are locked. */
  readonly tree?: 'share' | 'update' | undefined;
  /** Domains that must stay as they are, with those above them. */
  readonly domains?: readonly string[];
  /** Domains that are to be changed or deleted. */
  readonly changedDomains?: readonly string[];
  readonly tokens?: readonly string[];
}

/** Locks the rows until the transaction ends, in the order of docs/decisions/0030, in one statement. */
export async function lockInOrder(tx: Tx, rows: LockedRows): Promise<void> {
  const { users, holders, changedGrants, tree = null, domains, changedDomains, tokens } = rows;
  await tx.$queryRaw(sql`select lock_in_order(${ids(users)}, ${ids(holders)}, ${ids(changedGrants)}, ${tree}::text, ${ids(domains)},
    ${ids(changedDomains)}, ${ids(tokens)})::text`);
}

const ids = (values: readonly string[] = []): Sql => sql`${[...values]}::uuid[]`;
