import { SignJWT } from 'jose';
import { maxAccessTokenTtl } from '../../config.ts';
import { databaseTime, sql } from '../../database/database.ts';
import type { Context } from '../../graphql/context.ts';
import { formatCursor } from '../../identity/tokens/revocation-cursor.ts';
import { readBounds } from '../../identity/tokens/revocation-log.ts';
import { followsAll } from '../../schema/token/token-revocation.ts';
import { bearerEndpoint } from './bearer-endpoint.ts';

const period = maxAccessTokenTtl + 60; // seconds: the longest access token, and the clock skew of two nodes (security.md F6, F9)
const maxAge = 60; // seconds; verifiers start from no older snapshot
const sharedFor = 1_000; // milliseconds: a fleet that starts at once shares one snapshot

/**
 * `GET /revocations/snapshot`: the tokens revoked so recently that their access tokens may not have expired, signed, with the cursor to continue from
 * (docs/revocations.md).
 */
export const revocationSnapshot = bearerEndpoint('GET', followsAll, async (context, { response }) => {
  response.writeHead(200, { 'content-type': 'application/jwt' }).end(await latestSnapshot(context));
});

interface Snapshot {
  readonly createdAt: number;
  readonly text: Promise<string>;
}

/** By key store: each server has one. */
const snapshots = new WeakMap<Context['keys'], Snapshot>();

/** A recent or pending snapshot; what was revoked since then follows its cursor. */
async function latestSnapshot(context: Context): Promise<string> {
  const latest = snapshots.get(context.keys);
  if (latest && performance.now() - latest.createdAt < sharedFor) return latest.text;
  const text = createSnapshot(context);
  snapshots.set(context.keys, { createdAt: performance.now(), text });
  text.catch(() => snapshots.delete(context.keys));
  return text;
}

async function createSnapshot({ db, keys, config }: Context): Promise<string> {
  const { last } = await readBounds(db); // before the list: a revocation in between is in the list and after the cursor, not in neither
  const now = Math.floor((await databaseTime(db)).getTime() / 1_000);
  const revoked = await db.query<{ id: string; at: number }>(sql`
    select r."tokenId"::text as id, floor(extract(epoch from r."revokedAt"))::int as at from "TokenRevocation" r
    where r."revokedAt" > now() - ${period}::int * interval '1 s'`);
  const { kid, key } = keys.signing;
  return new SignJWT({ cursor: formatCursor(keys, last), lifetime: period, revoked: revoked.map(({ id, at }) => [id, at]) })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'revocations+jwt', kid })
    .setIssuer(config.PUBLIC_URL)
    .setAudience(config.AUDIENCE)
    .setIssuedAt(now)
    .setExpirationTime(now + maxAge)
    .sign(key);
}
