import { sql } from '../database/database.ts';
import { requestError } from '../errors.ts';
import { consume } from '../identity/credentials/rate-limit.ts';
import { verifyAccessToken } from '../identity/tokens/access-token.ts';
import { hashToken, hasTokenFormat } from '../identity/tokens/opaque-token.ts';
import type { UnitOfWork } from '../identity/unit-of-work.ts';
import type { Credential } from '../identity/viewer.ts';
import { type AppServices, type Context, createContext } from './context.ts';

/**
 * Creates the context of a request, over any transport. Without a bearer token the request is anonymous; a malformed, expired or revoked one
 * rejects it. `authorization` is the value of the header, or of the field of that name in `connection_init`.
 */
export async function authenticate(services: AppServices, work: UnitOfWork, authorization: string | null): Promise<Context> {
  if (authorization === null) return createContext(services, work, null);
  const { bearer } = /^Bearer (?<bearer>[\w.~+/=-]+)$/i.exec(authorization)?.groups ?? {};
  if (!bearer) throw requestError('INVALID_TOKEN');
  const { credential, tokenExpiresAt, signingKeyId } = await readToken(services, bearer);
  const result = await services.loadViewer.load(credential);
  if (!result) {
    const { db, log } = services;
    await consume({ db, log, client: work.client }, { badTokenByNetwork: work.client.network }); // slows down guessing (security.md 4.7)
    throw requestError('INVALID_TOKEN');
  }
  if (result.rejection) throw requestError(result.rejection);
  const { viewer } = result;
  if (viewer.token.kind === 'API') await recordUse(services, viewer.token);
  return createContext(services, work, viewer, { tokenExpiresAt: tokenExpiresAt ?? viewer.token.expiresAt, signingKeyId });
}

interface PresentedToken extends Pick<Context, 'tokenExpiresAt' | 'signingKeyId'> {
  readonly credential: Credential;
}

async function readToken(services: AppServices, bearer: string): Promise<PresentedToken> {
  if (hasTokenFormat('api', bearer)) return { credential: { hash: hashToken(bearer) }, tokenExpiresAt: null, signingKeyId: null };
  const { sid, exp, kid } = await verifyAccessToken(services, bearer);
  return { credential: { sid }, tokenExpiresAt: new Date(exp * 1000), signingKeyId: kid };
}

/** Records the use of an API token, at most once a minute, so that most reads stay reads. */
async function recordUse({ db }: AppServices, { id, lastUsedAt }: { id: string; lastUsedAt: Date | null }) {
  if (lastUsedAt && Date.now() - lastUsedAt.getTime() < 60_000) return;
  await db.query(
    sql`update "Token" set "lastUsedAt" = now() where id = ${id}::uuid and ("lastUsedAt" is null or "lastUsedAt" < now() - interval '1 min')`,
  );
}
