import { randomBytes } from 'node:crypto';
import { anyone } from '../access/vocabulary.ts';
import { builder } from '../builder.ts';
import type { Context } from '../context.ts';
import { sql } from '../db.ts';
import { failure } from '../errors.ts';
import { line } from '../input.ts';
import { ms, revoke } from '../token/lifecycle.ts';
import { hashOf, looksLike, successorOf } from '../token/secret.ts';
import { enter, Session } from './session.ts';
import { throttle } from './throttle.ts';

const RefreshInput = builder.inputType('RefreshInput', {
  description: 'The refresh token that is exchanged.',
  fields: (t) => ({
    refreshToken: t.string({ required: true, validate: line(256), description: 'The newest refresh token of the session.' }),
  }),
});

builder.mutationField('refresh', (t) =>
  t.field({
    type: Session,
    nullable: false,
    description: 'Exchanges a refresh token, once, for the next pair of tokens. A second use of one ends the session.',
    access: anyone('the refresh token says whose session it is'),
    credential: true,
    args: { input: t.arg({ type: RefreshInput, required: true, description: 'The exchange.' }) },
    resolve: async (_, { input: { refreshToken } }, context) => {
      if (!looksLike('refresh', refreshToken)) throw await refused(context);
      const nonce = randomBytes(32);
      const next = successorOf(context.keys, refreshToken, nonce);
      const id = await exchange(context, hashOf(refreshToken), hashOf(next), nonce);
      if (id) return enter(context, id, next);
      return again(context, refreshToken);
    },
  }),
);

/**
 * Spends the value and adds its successor in one conditional statement, so that of any number of uses at once one wins (RFC 9700 §4.14.2).
 * Answers the session's id; undefined when the value is unknown, spent, or its session has ended.
 */
async function exchange({ db, config }: Context, hash: Uint8Array, next: Uint8Array, nonce: Uint8Array): Promise<string | undefined> {
  const [family] = await db.query<{ id: string }>(sql`
    with spent as (
      update "TokenSecret" s set "usedAt" = now(), nonce = ${nonce}::bytea from "Token" f
      where s.hash = ${hash}::bytea and s."usedAt" is null and f.id = s."tokenId" and f.kind = 'SESSION' returning s."tokenId"
    ), family as (
      update "Token" t set "lastUsedAt" = now(), "idleExpiresAt" = now() + ${ms(config.REFRESH_TOKEN_IDLE)}
      from "User" u
      where t.id = (select "tokenId" from spent) and u.id = t."userId" and u.enabled
        and t."revokedAt" is null and t."expiresAt" > now() and t."idleExpiresAt" > now()
      returning t.id
    ), successor as (
      insert into "TokenSecret" (hash, "tokenId", "parentHash") select ${next}::bytea, id, ${hash}::bytea from family
    )
    select id::text from family`);
  return family?.id;
}

interface Spent {
  tokenId: string;
  nonce: Uint8Array | null;
  repeatable: boolean | null;
}

/** A value that could not be spent: repeated after a lost answer, or reused, or nothing that we know. */
async function again(context: Context, refreshToken: string) {
  const hash = hashOf(refreshToken);
  const [spent] = await context.db.query<Spent>(sql`
    select s."tokenId"::text as "tokenId", s.nonce, t."revokedAt" is null and t."expiresAt" > now() and t."idleExpiresAt" > now()
      and next."usedAt" is null and s."usedAt" > now() - ${ms(context.config.REFRESH_RETRY_WINDOW)} as repeatable
    from "TokenSecret" s join "Token" t on t.id = s."tokenId" left join "TokenSecret" next on next."parentHash" = s.hash
    where s.hash = ${hash}::bytea and s."usedAt" is not null and t.kind = 'SESSION'`);
  if (!spent) throw await refused(context);
  const next = spent.repeatable && spent.nonce ? successorOf(context.keys, refreshToken, spent.nonce) : undefined;
  if (next && (await isLive(context, next))) return enter(context, spent.tokenId, next);
  // Committed although the request fails: the thief's newest token is dead too (security.md 6.2).
  const { client, db } = context;
  const ended = await revoke(db, sql`t.id = ${spent.tokenId}::uuid`, {
    reason: 'REUSE_DETECTED',
    initiator: 'POLICY',
    actor: null,
    client,
  });
  if (ended.length > 0) context.log.warn({ event: 'authn_token_reuse', tokenId: spent.tokenId, network: client.network });
  throw failure(ended.length > 0 ? 'TOKEN_REUSED' : 'INVALID_TOKEN');
}

async function isLive({ db }: Context, secret: string) {
  return (await db.query(sql`select 1 from "TokenSecret" where hash = ${hashOf(secret)}::bytea and "usedAt" is null`)).length === 1;
}

async function refused(context: Context) {
  await throttle(context, { badTokenByNetwork: context.client.network });
  return failure('INVALID_TOKEN');
}
