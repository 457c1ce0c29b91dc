import { SignJWT } from 'jose';
import { maxAccessTokenTtl } from '../../config.ts';
import { sql } from '../../database/database.ts';
import type { Context } from '../../graphql/context.ts';
import { formatCursor, readBounds } from '../../identity/tokens/revocation-log.ts';
import { followsAll } from '../../schema/token/token-revocation.ts';
import { bearerEndpoint } from './bearer-endpoint.ts';

const lifetime = maxAccessTokenTtl + 60; // seconds: an access token, and what two clocks may differ (security.md F6, F9)
const holdsFor = 60; // seconds; older than that nobody starts from it

/** All that ended so lately that its access tokens may still be about, signed, with the place in the log that it was read at (docs/revocations.md). */
export const revocationSnapshot = bearerEndpoint('GET', followsAll, async (asking, { response }) => {
  response.writeHead(200, { 'content-type': 'application/jwt' }).end(await latestOf(asking));
});

const sharedFor = 1_000; // milliseconds: of a fleet that starts at once not each reads and signs the same

const latest = new WeakMap<Context['db'], { readonly madeAt: number; readonly text: Promise<string> }>();

/** A snapshot that is under way, or was just made. What ended since is told after its cursor. */
async function latestOf(asking: Context): Promise<string> {
  const known = latest.get(asking.db);
  if (known && performance.now() - known.madeAt < sharedFor) return known.text;
  const text = made(asking);
  latest.set(asking.db, { madeAt: performance.now(), text });
  text.catch(() => latest.delete(asking.db));
  return text;
}

async function made({ db, keys, config }: Context): Promise<string> {
  const { last } = await readBounds(db); // first: what ends meanwhile is in the list and after the cursor, and not in neither
  const revoked = await db.query<{ id: string; at: number }>(sql`
    select r."tokenId"::text as id, floor(extract(epoch from r."revokedAt"))::int as at from "TokenRevocation" r
    where r."revokedAt" > now() - ${lifetime}::int * interval '1 s'`);
  const { kid, key } = keys.signing;
  return new SignJWT({ cursor: formatCursor(last), lifetime, revoked: revoked.map(({ id, at }) => [id, at]) })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'revocations+jwt', kid })
    .setIssuer(config.PUBLIC_URL)
    .setAudience(config.AUDIENCE)
    .setIssuedAt()
    .setExpirationTime(`${holdsFor}s`)
    .sign(key);
}
