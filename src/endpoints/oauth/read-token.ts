import { codeOf } from '../../errors.ts';
import type { AppServices } from '../../graphql/context.ts';
import { type Claims, readAccessToken } from '../../identity/tokens/access-token.ts';
import { hashToken, hasTokenFormat } from '../../identity/tokens/opaque-token.ts';
import type { ViewerResult } from '../../identity/viewer.ts';

/** A token that the API accepts as a bearer token, unless there is a `rejection`. */
type ReadToken = NonNullable<ViewerResult> & { readonly claims?: Claims };

/** Reads the API token or access token of this server; undefined for anything else. */
export async function readToken(services: AppServices, text: string): Promise<ReadToken | undefined> {
  if (hasTokenFormat('api', text)) return services.loadViewer.load({ hash: hashToken(text) });
  try {
    return await readAccessToken(services, text);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}
