import { sql } from '../database/database.ts';
import { avatar } from '../endpoints/avatar.ts';
import { introspection } from '../endpoints/oauth/introspect.ts';
import { oauthMetadata, openidMetadata, ssfMetadata } from '../endpoints/oauth/metadata.ts';
import { poll } from '../endpoints/oauth/poll.ts';
import { revocationSnapshot } from '../endpoints/oauth/revocation-snapshot.ts';
import { revocation } from '../endpoints/oauth/revoke.ts';
import { formPage } from '../endpoints/pages/form-page.ts';
import { mailPreview, mailPreviewList, mailPreviewPath } from '../endpoints/pages/mail-preview.ts';
import { pages } from '../endpoints/pages/pages.ts';
import { style } from '../endpoints/pages/style.ts';
import { avatarPath } from '../identity/accounts/default-avatar.ts';
import { type Endpoint, type EndpointRequest, sendJson, sendText } from '../transport/http/endpoint.ts';

/** What is served at one path. */
const endpoints: ReadonlyMap<string, Endpoint> = new Map<string, Endpoint>([
  ['/health/live', { method: 'GET', answer: ({ response }) => sendText(response, 200, 'ok') }],
  ['/health/ready', { method: 'GET', answer: tellReadiness }],
  ['/.well-known/jwks.json', { method: 'GET', answer: sendKeys }],
  ['/revocations/snapshot', revocationSnapshot],
  ['/.well-known/oauth-authorization-server', oauthMetadata],
  ['/.well-known/openid-configuration', openidMetadata],
  ['/.well-known/ssf-configuration', ssfMetadata],
  ['/oauth/revoke', revocation],
  ['/oauth/introspect', introspection],
  ['/events/poll', poll],
  ...Object.entries(pages).map(([path, forms]) => [path, formPage(path, forms)] as const),
  ['/page.css', style],
  ['/dev/mails', mailPreviewList],
]);

/** What is served at all paths of a form. */
const families: readonly (readonly [form: RegExp, endpoint: Endpoint])[] = [
  [avatarPath, avatar],
  [mailPreviewPath, mailPreview],
];

/** What is served beside GraphQL at a path, if anything is. */
export const matchRoute = (path: string): Endpoint | undefined => endpoints.get(path) ?? families.find(([form]) => form.test(path))?.[1];

async function tellReadiness({ services: { db }, response }: EndpointRequest) {
  const late = new Promise<false>((resolve) => setTimeout(resolve, 1_000, false).unref());
  const isReady = await Promise.race([db.query(sql`select 1`).then(() => true), late]).catch(() => false);
  sendText(response, isReady ? 200 : 503, isReady ? 'ok' : 'not ok');
}

function sendKeys({ services: { keys }, response }: EndpointRequest) {
  sendJson(response, 200, keys.jwks, { 'cache-control': 'public, max-age=300' }); // security.md 5.7
}
