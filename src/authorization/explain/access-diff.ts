import { isDeepStrictEqual } from 'node:util';
import { ruleToFilter, toPrismaWhere } from '../evaluate/conditions.ts';
import type { Access, PolicyTypes, RowFilter } from '../rules/policy.ts';
import { ruleOf } from '../rules/registry.ts';

/** For how many rows access at a coordinate is gained and lost. */
export interface AccessChange {
  readonly coordinate: string;
  readonly gained: number;
  readonly lost: number;
}

/**
 * Compares the access of two viewers at every coordinate that is about rows, counted over the rows that `caller` can see. `client` is the
 * transaction in which all three were read.
 */
export async function diffAccess<T extends PolicyTypes>(
  access: Access<T>,
  client: object,
  caller: T['Viewer'],
  { before, after }: { readonly before: T['Viewer']; readonly after: T['Viewer'] },
): Promise<AccessChange[]> {
  const counts = new Map<string, Promise<Counts>>();
  const changes: AccessChange[] = [];
  for (const [coordinate, rule] of [...access.rules].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const model = access.models.get(coordinate);
    if (!model) continue;
    const old = ruleToFilter(access.policy, rule, before, model);
    const now = ruleToFilter(access.policy, rule, after, model);
    // Many coordinates share a filter, and most filters do not change.
    const key = JSON.stringify([model, old, now]);
    if (!counts.has(key)) counts.set(key, isDeepStrictEqual(old, now) ? unchanged : countRows(access, client, caller, { model, old, now }));
    const { gained, lost } = await (counts.get(key) ?? unchanged);
    if (gained > 0 || lost > 0) changes.push({ coordinate, gained, lost });
  }
  return changes;
}

type Counts = Omit<AccessChange, 'coordinate'>;

const unchanged: Promise<Counts> = Promise.resolve({ gained: 0, lost: 0 });

async function countRows(
  access: Access,
  client: object,
  caller: object,
  { model, old, now }: { readonly model: string; readonly old: RowFilter; readonly now: RowFilter },
): Promise<Counts> {
  const visible = ruleToFilter(access.policy, ruleOf({ access }, model), caller, model);
  const count = async (...filters: RowFilter[]) => {
    if (filters.includes(false)) return 0;
    return access.policy.delegate(client, model).count({ where: { AND: [visible, ...filters].map((filter) => toPrismaWhere(filter)) } });
  };
  const both = await count(old, now);
  return { gained: (await count(now)) - both, lost: (await count(old)) - both };
}
