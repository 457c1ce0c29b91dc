import { isDeepStrictEqual } from 'node:util';
import type { Viewer } from '../../identity/viewer.ts';
import { toWhere } from '../../policy/evaluators.ts';
import type { Model, Where } from '../../policy/ownership.ts';
import { modelDelegate, toPrismaWhere } from '../evaluate/query-matching.ts';
import { modelByCoordinate, ruleByCoordinate, ruleOf } from '../rules/registry.ts';

/** For how many rows the right at a place is gained and lost. */
export interface AccessChange {
  readonly coordinate: string;
  readonly gained: number;
  readonly lost: number;
}

/**
 * What a user gains and loses from `before` to `after`, at every place that is about rows, counted over the rows that `caller` may know of.
 * `client` is a transaction in which all three were read.
 */
export async function diffAccess(client: object, caller: Viewer, before: Viewer, after: Viewer): Promise<AccessChange[]> {
  const counted = new Map<string, Promise<Counts>>();
  const changes: AccessChange[] = [];
  for (const [coordinate, rule] of [...ruleByCoordinate].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const model = modelByCoordinate.get(coordinate);
    if (!model) continue;
    const [was, is] = [toWhere(rule, before, model), toWhere(rule, after, model)];
    // Most rules ask nothing that a grant changes, and many ask the same.
    const key = JSON.stringify([model, was, is]);
    if (!counted.has(key)) counted.set(key, isDeepStrictEqual(was, is) ? none : count(client, caller, model, [was, is]));
    const { gained, lost } = await (counted.get(key) ?? none);
    if (gained > 0 || lost > 0) changes.push({ coordinate, gained, lost });
  }
  return changes;
}

type Counts = Omit<AccessChange, 'coordinate'>;

const none: Promise<Counts> = Promise.resolve({ gained: 0, lost: 0 });

async function count<M extends Model>(client: object, caller: Viewer, model: M, [was, is]: [Met<M>, Met<M>]): Promise<Counts> {
  const seen = toWhere(ruleOf(model), caller, model);
  const rows = async (...met: Met<M>[]) =>
    met.includes(false) ? 0 : counter(client, model).count({ where: { AND: [seen, ...met].map((one) => toPrismaWhere(one)) } });
  const both = await rows(was, is);
  return { gained: (await rows(is)) - both, lost: (await rows(was)) - both };
}

type Met<M extends Model> = Where[M] | boolean;

const counter = (client: object, model: Model) =>
  modelDelegate(client, model) as unknown as { count(query: { where: object }): Promise<number> };
