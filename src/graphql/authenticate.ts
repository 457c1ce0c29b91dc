import { sql } from '../database/database.ts';
import { requestError } from '../errors.ts';
import { consume } from '../identity/credentials/rate-limit.ts';
import { verifyAccessToken } from '../identity/tokens/access-token.ts';
import { hashToken, hasTokenFormat } from '../identity/tokens/opaque-token.ts';
import type { UnitOfWork } from '../identity/unit-of-work.ts';
import type { Credential } from '../identity/viewer.ts';
import { type AppServices, type Context, createContext } from './context.ts';

/**
 * The context of a request, over any transport. No bearer token is nobody; a bad, expired or revoked one refuses the whole operation.
 * `authorization` is the value of the header, or of the field of that name in `connection_init`.
 */
export async function authenticate(services: AppServices, work: UnitOfWork, authorization: string | null): Promise<Context> {
  const nobody = createContext(services, work, null);
  if (authorization === null) return nobody;
  const [, bearer] = /^Bearer ([\w.~+/=-]+)$/i.exec(authorization) ?? [];
  if (!bearer) throw requestError('INVALID_TOKEN');
  const { credential, tokenExpiresAt, signingKeyId } = await read(nobody, bearer);
  const identified = await services.loadViewer.load(credential);
  if (!identified) throw await unknown(nobody);
  if (identified.rejection) throw requestError(identified.rejection);
  const { viewer } = identified;
  if (viewer.token.kind === 'API') await touch(nobody, viewer.token);
  return createContext(services, work, viewer, { tokenExpiresAt: tokenExpiresAt ?? viewer.token.expiresAt, signingKeyId });
}

async function read(
  nobody: Context,
  bearer: string,
): Promise<{ credential: Credential } & Pick<Context, 'tokenExpiresAt' | 'signingKeyId'>> {
  if (hasTokenFormat('api', bearer)) return { credential: { hash: hashToken(bearer) }, tokenExpiresAt: null, signingKeyId: null };
  const { sid, exp, kid } = await verifyAccessToken(nobody, bearer);
  return { credential: { sid }, tokenExpiresAt: new Date(exp * 1000), signingKeyId: kid };
}

/** Guessing is slowed down (security.md 4.7). */
async function unknown(nobody: Context) {
  await consume(nobody, { badTokenByNetwork: nobody.client.network });
  return requestError('INVALID_TOKEN');
}

/** Notes the use of an API token, at most once a minute, so that reading does not become writing. */
async function touch({ db }: Context, { id, lastUsedAt }: { id: string; lastUsedAt: Date | null }) {
  if (lastUsedAt && Date.now() - lastUsedAt.getTime() < 60_000) return;
  await db.query(
    sql`update "Token" set "lastUsedAt" = now() where id = ${id}::uuid and ("lastUsedAt" is null or "lastUsedAt" < now() - interval '1 min')`,
  );
}
