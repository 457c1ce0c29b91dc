import type { Config } from '../../config.ts';
import { type Finding, runCheck } from './finding.ts';

const timeout = 5_000; // milliseconds

/** Checks that clients reach a server at PUBLIC_URL, and that its keys are those of this database (`kids`, if they are known). */
export const checkPublicUrl = ({ PUBLIC_URL }: Pick<Config, 'PUBLIC_URL'>, kids: readonly string[] | undefined): Promise<Finding[]> =>
  runCheck('PUBLIC_URL', async ({ ok, warning, problem }) => {
    const health = await get(`${PUBLIC_URL}/health/live`);
    if (typeof health === 'string') return warning(`${PUBLIC_URL} cannot be reached from here: ${health}. Is a server running?`);
    if (health.status !== 200 || (await health.text()) !== 'ok')
      return problem(
        `${PUBLIC_URL}/health/live responds with ${health.status}, and not like Fieldgate; the proxy must forward all paths to it`,
      );
    const response = await get(`${PUBLIC_URL}/.well-known/jwks.json`);
    if (typeof response === 'string' || response.status !== 200) {
      const status = typeof response === 'string' ? response : `status ${response.status}`;
      return problem(
        `${PUBLIC_URL}/.well-known/jwks.json fails with ${status}; the proxy must forward the header Host, and ALLOWED_HOSTS must contain it`,
      );
    }
    const served = await keyIds(response);
    if (!served) return problem(`${PUBLIC_URL}/.well-known/jwks.json is not a key set; another server responds there`);
    if (kids && !kids.some((kid) => served.includes(kid)))
      return problem(
        `the server at ${PUBLIC_URL} has other signing keys than this database; it uses another database or another PUBLIC_URL`,
      );
    ok(`${PUBLIC_URL} leads to a server${kids ? ' with the keys of this database' : ''}`);
  });

/** The response, or why there is none. */
async function get(url: string): Promise<Response | string> {
  try {
    return await fetch(url, { signal: AbortSignal.timeout(timeout), redirect: 'manual' });
  } catch (error) {
    const { cause, name } = error as Error & { cause?: NodeJS.ErrnoException };
    if (name === 'TimeoutError') return 'it does not respond';
    return fetchErrors[cause?.code ?? ''] ?? cause?.code ?? 'the connection fails';
  }
}

const fetchErrors: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the host does not exist',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
};

async function keyIds(response: Response): Promise<string[] | undefined> {
  const body = (await response.json().catch(() => undefined)) as { keys?: { kid?: unknown }[] } | undefined;
  return Array.isArray(body?.keys) ? body.keys.map(({ kid }) => String(kid)) : undefined;
}
