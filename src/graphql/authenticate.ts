import { sql } from '../database/database.ts';
import { runAs } from '../database/workload.ts';
import { codeOf, type ErrorCode, requestError } from '../errors.ts';
import { consume } from '../identity/credentials/rate-limit.ts';
import { readAccessToken } from '../identity/tokens/access-token.ts';
import { hashToken, hasTokenFormat } from '../identity/tokens/opaque-token.ts';
import type { UnitOfWork } from '../identity/unit-of-work.ts';
import type { Viewer, ViewerResult } from '../identity/viewer.ts';
import { type AppServices, type Context, createContext } from './context.ts';

/**
 * Creates the context of a request, over any transport. Without a bearer token the request is anonymous; a malformed, expired or revoked one
 * rejects it. `authorization` is the value of the header, or of the field of that name in `connection_init`.
 */
export const authenticate = (services: AppServices, work: UnitOfWork, authorization: string | null): Promise<Context> =>
  runAs({ class: 'authentication', kind: 'authenticate' }, () => identify(services, work, authorization));

async function identify(services: AppServices, work: UnitOfWork, authorization: string | null): Promise<Context> {
  if (authorization === null) return createContext(services, work, null);
  const { bearer } = /^Bearer (?<bearer>[\w.~+/=-]+)$/i.exec(authorization)?.groups ?? {};
  if (!bearer) throw requestError('INVALID_TOKEN');
  const result = await readToken(services, bearer);
  if (!result) {
    const { db, reports } = services;
    await consume({ db, reports, client: work.client }, { badTokenByNetwork: work.client.network }); // slows down guessing (security.md 4.7)
    throw requestError('INVALID_TOKEN');
  }
  if (result.rejection) throw requestError(result.rejection);
  const { viewer, tokenExpiresAt = viewer.token.expiresAt, signingKeyId = null } = result;
  if (viewer.token.kind === 'API') await recordUse(services, viewer);
  return createContext(services, work, viewer, { tokenExpiresAt, signingKeyId });
}

/** Like `authenticate`, but a request with a bad bearer token is anonymous: it brings another credential (security.md 5.6). */
export async function authenticateOrAnonymous(services: AppServices, work: UnitOfWork, authorization: string | null): Promise<Context> {
  try {
    return await authenticate(services, work, authorization);
  } catch (error) {
    if (!badBearer.has(codeOf(error))) throw error;
    return createContext(services, work, null);
  }
}

/** The errors that a bearer token causes; the limit is that of wrong tokens. */
const badBearer: ReadonlySet<ErrorCode | undefined> = new Set<ErrorCode>([
  'INVALID_TOKEN',
  'TOKEN_EXPIRED',
  'TOKEN_REVOKED',
  'ACCOUNT_DISABLED',
  'DOMAIN_ACCESS_DENIED',
  'RATE_LIMITED',
]);

type PresentedToken = NonNullable<ViewerResult> & { readonly tokenExpiresAt?: Date; readonly signingKeyId?: string };

async function readToken(services: AppServices, bearer: string): Promise<PresentedToken | undefined> {
  if (hasTokenFormat('api', bearer)) return services.loadViewer.load({ hash: hashToken(bearer) });
  const presented = await readAccessToken(services, bearer);
  return presented && { ...presented, tokenExpiresAt: new Date(presented.claims.exp * 1000), signingKeyId: presented.claims.kid };
}

/**
 * Records the use of an API token, at most once a minute, so that most reads stay reads. Skips a token that a mutation has locked: its requests
 * must not wait for that mutation.
 */
async function recordUse({ db }: AppServices, { token: { id, lastUsedAt }, now }: Pick<Viewer, 'token' | 'now'>) {
  if (lastUsedAt && now.getTime() - lastUsedAt.getTime() < 60_000) return;
  await db.query(sql`
    update "Token" set "lastUsedAt" = now() where id = (
      select id from "Token" where id = ${id}::uuid and ("lastUsedAt" is null or "lastUsedAt" < now() - interval '1 min')
      for no key update skip locked)`);
}
