import { createHash } from 'node:crypto';
import { avatarPath } from '../identity/accounts/default-avatar.ts';
import type { Endpoint } from '../transport/http/endpoint.ts';

/** `GET /avatars/<id>.svg`: a picture made of the id alone, the same for ever, that pages of any site may show. */
export const avatar: Endpoint = {
  method: 'GET',
  answer: ({ request, response }) => {
    const { id = '' } = avatarPath.exec(request.url?.split('?', 1)[0] ?? '')?.groups ?? {};
    response.writeHead(200, headers).end(tileOf(id.toLowerCase()));
  },
};

const headers = {
  'content-type': 'image/svg+xml; charset=utf-8',
  'cache-control': 'public, max-age=31536000, immutable',
  // Opened as a page, a picture does nothing at all.
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox",
  'cross-origin-resource-policy': 'cross-origin',
};

const side = 5; // squares in a row and in a column
const edge = side + 2; // with a margin of a square all round

/** A pattern that the right half mirrors, in one colour on a light services of it; which one, the digest of the id decides. */
function tileOf(id: string): string {
  const [high = 0, low = 0, ...bytes] = createHash('sha256').update(id).digest();
  const hue = (high * 256 + low) % 360;
  const columns = Array.from({ length: side }, (_, x) => Math.min(x, side - 1 - x));
  const squares = columns.flatMap((mirrored, x) =>
    bytes.slice(mirrored * side, mirrored * side + side).map((byte, y) => (byte % 2 ? `M${x + 1} ${y + 1}h1v1h-1z` : '')),
  );
  const services = `<path fill="hsl(${hue},45%,92%)" d="M0 0h${edge}v${edge}h-${edge}z"/>`;
  const pattern = `<path fill="hsl(${hue},55%,42%)" d="${squares.join('')}"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${edge} ${edge}" shape-rendering="crispEdges">${services}${pattern}</svg>`;
}
