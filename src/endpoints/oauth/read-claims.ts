import { codeOf } from '../../errors.ts';
import { type Claims, verifyAccessToken } from '../../identity/tokens/access-token.ts';
import type { Asking } from './bearer-endpoint.ts';

/** What an access token says, if it is a good one of ours and has not expired. */
export async function claimsIn(asking: Asking, text: string): Promise<Claims | undefined> {
  try {
    return await verifyAccessToken(asking, text);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}
