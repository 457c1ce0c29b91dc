import type { GraphQLResolveInfo } from 'graphql';
import { type AuditEntry, recordIn } from '../audit/record.ts';
import { become, type Context } from '../context.ts';
import { sql, type Tx } from '../db.ts';
import { failure, isCollision, refusal } from '../errors.ts';
import { Prisma } from '../generated/prisma/client.ts';
import { isUuid } from '../input.ts';
import { known, meeting } from './judge.ts';
import type { Model } from './ownership.ts';
import { atomsOf, type Rule } from './rule.ts';
import { ruleOf } from './rules.ts';
import { denial } from './verdict.ts';
import { identifyAgain, type Viewer } from './viewer.ts';
import { vocabulary } from './vocabulary.ts';

/** What a mutation works with: the transaction, and the viewer as read inside it. */
export interface Write {
  readonly tx: Tx;
  readonly viewer: Viewer;
  /** Locks the row that the mutation is about and applies the mutation's rule to it. Throws NOT_FOUND for what the viewer may not know of. */
  target(model: Model, id: string): Promise<void>;
  /** Throws what a denied viewer is told unless the rule, which depends on the viewer alone, is met. */
  require(rule: Rule): void;
  /** Records what happened, in the same transaction (security.md 19.1). */
  audit(entry: AuditEntry): Promise<void>;
}

/**
 * Runs a mutation in one transaction: who asks is read again and held, the mutation's rule is applied again, and what the operation
 * remembered is forgotten afterwards. Tried again, at most 3 times, when it only collided with another transaction.
 */
export async function write<T>(context: Context, info: GraphQLResolveInfo, work: (write: Write) => Promise<T>): Promise<T> {
  const coordinate = `Mutation.${info.fieldName}`;
  const result = await retried(() => context.db.prisma.$transaction((tx) => inside(context, tx, coordinate, work)));
  await readAgain(context);
  return result;
}

/** Reads the viewer again after a write; it may have ended its own session. */
async function readAgain(context: Context) {
  const sid = context.viewer?.token.id;
  const now = sid === undefined ? undefined : await context.identify.load({ sid });
  become(context, now && !now.refused ? now.viewer : null);
}

async function inside<T>(context: Context, tx: Tx, coordinate: string, work: (write: Write) => Promise<T>) {
  if (!context.viewer) throw failure('UNAUTHENTICATED');
  const again = await identifyAgain(tx, context.viewer, context.config.FRESHNESS);
  if (!again || again.refused) throw refusal(again?.refused ?? 'UNAUTHENTICATED');
  const { viewer } = again;
  const rule = ruleOf(coordinate);
  if (known(rule, viewer) === false) throw denial({ viewer }, coordinate);
  let asked = !atomsOf(rule).some((atom) => !vocabulary[atom.is]?.aboutViewer) || known(rule, viewer) === true;
  const result = await work({
    tx,
    viewer,
    target: async (model, id) => {
      asked = true;
      await target(tx, viewer, coordinate, model, id);
    },
    require: (needed) => {
      if (known(needed, viewer) !== true) throw denial({ viewer }, coordinate, needed);
    },
    audit: (entry) => recordIn(tx, context.client, viewer, entry),
  });
  // A mutation whose rule is about a row and that never named the row has checked nothing: it is undone.
  if (!asked) throw new Error(`${coordinate} did not apply its rule to a row`);
  return result;
}

async function target(tx: Tx, viewer: Viewer, coordinate: string, model: Model, id: string) {
  if (!isUuid(id)) throw failure('NOT_FOUND');
  const locked = await tx.$queryRaw<unknown[]>(sql`select 1 from ${Prisma.raw(`"${model}"`)} where id = ${id}::uuid for update`);
  if (locked.length === 0) throw failure('NOT_FOUND');
  const meets = async (rule: Rule, as = viewer) => (await meeting(tx, rule, as, model, [id])).has(id);
  const rule = ruleOf(coordinate);
  if (await meets(rule)) return;
  if (!(await meets(ruleOf(model)))) throw failure('NOT_FOUND');
  const fresh = !viewer.fresh && (await meets(rule, { ...viewer, fresh: true }));
  throw fresh ? failure('REAUTHENTICATION_REQUIRED') : denial({ viewer: { ...viewer, fresh: true } }, coordinate);
}

async function retried<T>(attempt: () => Promise<T>, left = 3): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    if (left === 0 || !isCollision(error)) throw error;
    await new Promise((resolve) => setTimeout(resolve, 5 + Math.floor(performance.now() % 20)));
    return retried(attempt, left - 1);
  }
}
