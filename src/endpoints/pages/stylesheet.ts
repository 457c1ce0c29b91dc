import { readFileSync } from 'node:fs';
import type { Endpoint } from '../../transport/http/endpoint.ts';

const css = readFileSync(new URL('./page.css', import.meta.url), 'utf8');

/** `GET /page.css`: the style sheet of all pages. */
export const stylesheet: Endpoint = {
  method: 'GET',
  respond: ({ request, response }) => {
    // Browsers keep a page that was left, with what was typed into it, to show it on the way back. The response to a form requests its style sheet
    // by another URL, whose header clears that page (W3C Clear Site Data §3.1).
    const isFormResponse = request.url?.includes('?');
    const caching = isFormResponse ? { 'clear-site-data': '"cache"' } : { 'cache-control': 'public, max-age=3600' };
    response.writeHead(200, { 'content-type': 'text/css; charset=utf-8', ...caching }).end(css);
  },
};
