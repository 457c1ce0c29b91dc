import { createHash } from 'node:crypto';
import { avatarPath } from '../identity/accounts/default-avatar.ts';
import type { Endpoint } from '../transport/http/endpoint.ts';

/** `GET /avatars/<id>.svg`: an identicon derived from the id alone. It never changes, exists for any UUID, and may be embedded by any site. */
export const avatar: Endpoint = {
  method: 'GET',
  respond: ({ request, response }) => {
    const { id = '' } = avatarPath.exec(request.url?.split('?', 1)[0] ?? '')?.groups ?? {};
    response.writeHead(200, headers).end(identiconOf(id.toLowerCase()));
  },
};

const headers = {
  'content-type': 'image/svg+xml; charset=utf-8',
  'cache-control': 'public, max-age=31536000, immutable',
  // In case the image is opened as a page.
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox",
  'cross-origin-resource-policy': 'cross-origin',
};

const gridSize = 5;
const size = gridSize + 2; // with a margin of one square on each side

/** A symmetric pattern in one colour on a light background, chosen by the digest of the id. */
function identiconOf(id: string): string {
  const [high = 0, low = 0, ...bytes] = createHash('sha256').update(id).digest();
  const hue = (high * 256 + low) % 360;
  const columns = Array.from({ length: gridSize }, (_, x) => Math.min(x, gridSize - 1 - x));
  const squares = columns.flatMap((column, x) =>
    bytes.slice(column * gridSize, (column + 1) * gridSize).map((byte, y) => (byte % 2 ? `M${x + 1} ${y + 1}h1v1h-1z` : '')),
  );
  const background = `<path fill="hsl(${hue},45%,92%)" d="M0 0h${size}v${size}h-${size}z"/>`;
  const pattern = `<path fill="hsl(${hue},55%,42%)" d="${squares.join('')}"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges">${background}${pattern}</svg>`;
}
