import type { Credential } from '../identity/viewer.ts';
import { type Client, type Context, createContext, type Ground } from './context.ts';
import { sql } from '../database/database.ts';
import { refusal } from '../errors.ts';
import { verifyAccessToken } from '../identity/tokens/access-token.ts';
import { hashOf, looksLike } from '../identity/tokens/opaque-token.ts';
import { throttle } from '../identity/credentials/rate-limit.ts';

/**
 * The context of a request, over any transport. No bearer token is nobody; a bad, expired or revoked one refuses the whole operation.
 * `authorization` is the value of the header, or of the field of that name in `connection_init`.
 */
export async function authenticate(ground: Ground, client: Client, authorization: string | null): Promise<Context> {
  const nobody = createContext(ground, client, null);
  if (authorization === null) return nobody;
  const [, bearer] = /^Bearer ([\w.~+/=-]+)$/i.exec(authorization) ?? [];
  if (!bearer) throw refusal('INVALID_TOKEN');
  const { credential, until, signedBy } = await read(nobody, bearer);
  const identified = await ground.identify.load(credential);
  if (!identified) throw await unknown(nobody);
  if (identified.refused) throw refusal(identified.refused);
  const { viewer } = identified;
  if (viewer.token.kind === 'API') await touch(nobody, viewer.token);
  return createContext(ground, client, viewer, { until: until ?? viewer.token.expiresAt, signedBy });
}

async function read(nobody: Context, bearer: string): Promise<{ credential: Credential } & Pick<Context, 'until' | 'signedBy'>> {
  if (looksLike('api', bearer)) return { credential: { hash: hashOf(bearer) }, until: null, signedBy: null };
  const { sid, exp, kid } = await verifyAccessToken(nobody, bearer);
  return { credential: { sid }, until: new Date(exp * 1000), signedBy: kid };
}

/** Guessing is slowed down (security.md 4.7). */
async function unknown(nobody: Context) {
  await throttle(nobody, { badTokenByNetwork: nobody.client.network });
  return refusal('INVALID_TOKEN');
}

/** Notes the use of an API token, at most once a minute, so that reading does not become writing. */
async function touch({ db }: Context, { id, lastUsedAt }: { id: string; lastUsedAt: Date | null }) {
  if (lastUsedAt && Date.now() - lastUsedAt.getTime() < 60_000) return;
  await db.query(
    sql`update "Token" set "lastUsedAt" = now() where id = ${id}::uuid and ("lastUsedAt" is null or "lastUsedAt" < now() - interval '1 min')`,
  );
}
