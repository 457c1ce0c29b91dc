import { codeOf } from '../../errors.ts';
import { type Claims, verifyAccessToken } from '../../identity/tokens/access-token.ts';
import type { AuthenticatedContext } from './bearer-endpoint.ts';

/** The claims of a valid access token of this server; undefined for anything else. */
export async function readClaims(context: AuthenticatedContext, text: string): Promise<Claims | undefined> {
  try {
    return await verifyAccessToken(context, text);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}
