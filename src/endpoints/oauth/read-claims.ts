import { codeOf } from '../../errors.ts';
import { type Claims, verifyAccessToken } from '../../identity/tokens/access-token.ts';
import type { AuthenticatedContext } from './bearer-endpoint.ts';

/** What an access token says, if it is a good one of ours and has not expired. */
export async function readClaims(asking: AuthenticatedContext, text: string): Promise<Claims | undefined> {
  try {
    return await verifyAccessToken(asking, text);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}
