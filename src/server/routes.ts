import type { Config } from '../config.ts';
import { avatar } from '../endpoints/avatar.ts';
import { liveness, readiness } from '../endpoints/health.ts';
import { jwks } from '../endpoints/jwks.ts';
import { introspection } from '../endpoints/oauth/introspect.ts';
import { oauthMetadata, openidMetadata, ssfMetadata } from '../endpoints/oauth/metadata.ts';
import { poll } from '../endpoints/oauth/poll.ts';
import { revocationSnapshot } from '../endpoints/oauth/revocation-snapshot.ts';
import { revocation } from '../endpoints/oauth/revoke.ts';
import { formPage } from '../endpoints/pages/form-page.ts';
import { mailPreview, mailPreviewList, mailPreviewPath } from '../endpoints/pages/mail-preview.ts';
import { pages } from '../endpoints/pages/pages.ts';
import { setupForms } from '../endpoints/pages/setup.ts';
import { stylesheet } from '../endpoints/pages/stylesheet.ts';
import { avatarPath } from '../identity/accounts/default-avatar.ts';
import { isSetupEnabled } from '../identity/accounts/first-superadmin.ts';
import type { Endpoint } from '../transport/http/endpoint.ts';

const routes: ReadonlyMap<string, Endpoint> = new Map<string, Endpoint>([
  ['/health/live', liveness],
  ['/health/ready', readiness],
  ['/.well-known/jwks.json', jwks],
  ['/revocations/snapshot', revocationSnapshot],
  ['/.well-known/oauth-authorization-server', oauthMetadata],
  ['/.well-known/openid-configuration', openidMetadata],
  ['/.well-known/ssf-configuration', ssfMetadata],
  ['/oauth/revoke', revocation],
  ['/oauth/introspect', introspection],
  ['/events/poll', poll],
  ['/setup', { ...formPage('/setup', setupForms), isEnabled: isSetupEnabled }],
  ...Object.entries(pages).map(([path, forms]) => [path, formPage(path, forms)] as const),
  ['/page.css', stylesheet],
  ['/dev/mails', mailPreviewList],
]);

const patternRoutes = [
  { route: '/avatars/:id.svg', pattern: avatarPath, endpoint: avatar },
  { route: '/dev/mails/:id', pattern: mailPreviewPath, endpoint: mailPreview },
];

/** An endpoint, and its path as operators see it. */
export interface Route {
  readonly route: string;
  readonly endpoint: Endpoint;
}

/** The endpoint at a path; undefined if there is none with these settings. */
export function matchRoute(path: string, config: Config): Route | undefined {
  const endpoint = routes.get(path);
  const match = endpoint ? { route: path, endpoint } : patternRoutes.find(({ pattern }) => pattern.test(path));
  return match?.endpoint.isEnabled?.(config) === false ? undefined : match;
}
