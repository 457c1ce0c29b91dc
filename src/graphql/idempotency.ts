import { createHash, randomBytes } from 'node:crypto';
import type { GraphQLResolveInfo } from 'graphql';
import { z } from 'zod';
import { type Database, onTransaction, sql, type Tx } from '../database/database.ts';
import { graphqlError, validationError } from '../errors.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import type { Model } from '../policy/models.ts';
import type { InputFields } from './builder.ts';
import type { Context } from './context.ts';
import { type LockAlso, type MutationScope, runMutation } from './mutation.ts';

const lifetime = sql`interval '24 hours'`; // as Stripe's; long enough for a client that is offline overnight

/** The input field for the key of a mutation that creates something. */
export const idempotencyKeyField = (t: InputFields) =>
  t.string({
    validate: z.string().regex(/^[!-~]{1,255}$/, 'must have 1 to 255 visible ASCII characters'),
    description:
      'A unique key, such as a random UUID. For 24 hours a repetition with the same key and the same input creates nothing and returns what the first created.',
  });

type Row = { readonly id: string };
type Payload<M extends Model> = { readonly [Name in Uncapitalize<M>]: Row };

interface Creation<M extends Model, P = unknown> {
  /** What is created: the payload has it in the field of that name. */
  readonly model: M;
  readonly input: { readonly idempotencyKey?: string | null | undefined };
  /** Throws if the work would be rejected now because of the rights of the viewer, beyond the rules of the mutation. A repetition is rejected then too. */
  readonly requireRights?: (scope: CreationScope) => Promise<unknown>;
  /** Returns what the payload of a repetition has beside the row. */
  readonly repeat?: (scope: CreationScope, row: Row) => Promise<Omit<P, Uncapitalize<M>>>;
}

/** A mutation that creates something, with 256 random bits from which it derives what a repetition must be able to return. */
export interface CreationScope extends MutationScope {
  readonly nonce: Uint8Array;
}

/**
 * Runs a mutation that creates a row, once for each idempotency key of the viewer: a repetition checks the rules again, and returns the row as it
 * is now. A failed attempt keeps nothing (docs/decisions/0037).
 */
export function runCreation<M extends Model, P extends Payload<M>>(
  context: Context,
  info: GraphQLResolveInfo,
  { model, input, requireRights, repeat }: Creation<M, P>,
  work: (scope: CreationScope) => Promise<P>,
  lockAlso?: LockAlso,
): Promise<P> {
  const use = readUse(info, input);
  const field = `${model.charAt(0).toLowerCase()}${model.slice(1)}` as Uncapitalize<M>;
  const create = async (scope: MutationScope) => {
    if (!use) return work({ ...scope, nonce: randomBytes(32) });
    const { nonce, resultId } = await claim(scope, use);
    const creationScope = { ...scope, nonce };
    if (resultId !== null) {
      await requireRights?.(creationScope);
      const row = await findRow(scope.tx, field, resultId);
      if (!row) throw graphqlError('NOT_FOUND');
      return { [field]: row, ...(await repeat?.(creationScope, row)) } as P;
    }
    const payload = await work(creationScope);
    await scope.tx.$executeRaw(
      sql`update "IdempotencyKey" set "resultId" = ${payload[field].id}::uuid where ${whereUsed(scope.viewer.user.id, use)}`,
    );
    return payload;
  };
  return runMutation(context, info, create, lockAlso);
}

/** True if the mutation has succeeded with this key and input before. Such a repetition causes nothing that a rate limit would have to limit. */
export async function isRepetition({ db, viewer }: Context, info: GraphQLResolveInfo, input: Creation<Model>['input']): Promise<boolean> {
  const use = readUse(info, input);
  if (!use || !viewer) return false;
  const used = await findUse(db, viewer.user.id, use);
  return used !== undefined && sameInput(used, use);
}

/** One use of a key. */
interface Use {
  readonly mutation: string;
  readonly keyHash: Buffer;
  readonly inputHash: Buffer;
}

function readUse({ fieldName: mutation }: GraphQLResolveInfo, { idempotencyKey, ...input }: Creation<Model>['input']): Use | undefined {
  if (idempotencyKey == null) return undefined;
  const hash = (text: string) => createHash('sha256').update(text).digest();
  // With the key as salt, the hash does not tell what was entered.
  return { mutation, keyHash: hash(idempotencyKey), inputHash: hash(`${idempotencyKey} ${canonicalJson(input)}`) };
}

interface StoredUse {
  readonly inputHash: Uint8Array;
  readonly nonce: Uint8Array;
  readonly resultId: string | null;
}

const sameInput = (used: StoredUse, { inputHash }: Use) => inputHash.equals(used.inputHash);

const whereUsed = (userId: string, { mutation, keyHash }: Use) =>
  sql`"userId" = ${userId}::uuid and mutation = ${mutation} and "keyHash" = ${keyHash}`;

/**
 * Claims the key for this transaction, or returns what was created under it. Atomic: of two transactions one inserts the row, and the other waits
 * until that one has ended. An expired row counts as none.
 */
async function claim({ tx, viewer }: MutationScope, use: Use): Promise<Pick<StoredUse, 'nonce' | 'resultId'>> {
  const { id: userId } = viewer.user;
  const { mutation, keyHash, inputHash } = use;
  const nonce = randomBytes(32);
  const claimed = await tx.$executeRaw(sql`
    insert into "IdempotencyKey" as k ("userId", mutation, "keyHash", "inputHash", nonce) values (${userId}::uuid, ${mutation}, ${keyHash}, ${inputHash}, ${nonce})
    on conflict ("userId", mutation, "keyHash") do update
      set "inputHash" = excluded."inputHash", nonce = excluded.nonce, "resultId" = null, "createdAt" = now() where k."createdAt" <= now() - ${lifetime}`);
  if (claimed === 1) return { nonce, resultId: null };
  const used = await findUse(onTransaction(tx), userId, use);
  if (!used) throw graphqlError('UNAVAILABLE'); // purged between the two statements
  if (!sameInput(used, use)) throw validationError({ idempotencyKey: ['must not be used for another input'] });
  return used;
}

async function findUse({ query }: Pick<Database, 'query'>, userId: string, use: Use): Promise<StoredUse | undefined> {
  const [used] = await query<StoredUse>(
    sql`select "inputHash", nonce, "resultId" from "IdempotencyKey" where ${whereUsed(userId, use)} and "createdAt" > now() - ${lifetime}`,
  );
  return used;
}

interface Delegate {
  findUnique(query: { where: Row }): Promise<Row | null>;
}

const findRow = (tx: Tx, delegate: Uncapitalize<Model>, id: string) => (tx[delegate] as object as Delegate).findUnique({ where: { id } });
