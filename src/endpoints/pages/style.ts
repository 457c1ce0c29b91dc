import type { Endpoint } from '../../transport/http/endpoint.ts';

const sheet = `:root { color-scheme: light dark; font: 1.0625rem/1.5 system-ui, sans-serif; }
body { margin: 0; padding: 1rem; overflow-wrap: anywhere; }
main { max-width: 34rem; margin: 1rem auto; }
h1 { font-size: 1.5rem; line-height: 1.25; }
label { display: block; margin-top: 1.25rem; font-weight: 600; }
input, button { box-sizing: border-box; width: 100%; margin: .25rem 0; padding: .625rem .75rem; border: 2px solid GrayText; border-radius: .375rem; font: inherit; }
button { margin-top: 1.25rem; cursor: pointer; font-weight: 600; }
:focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
.hint { margin: .25rem 0; font-size: .9375rem; }
.fault { margin: .5rem 0; padding-left: .75rem; border-left: .25rem solid #c4231c; font-weight: 600; }
pre { white-space: pre-wrap; }
ul { padding: 0; list-style: none; }
li { margin: .75rem 0; }
`;

/** The style of all pages: in the colours that the reader has set, light or dark, and as narrow as a telephone. */
export const style: Endpoint = {
  method: 'GET',
  answer: ({ request, response }) => {
    // A browser keeps the page that was left, what was typed into it included, to show it again on the way back. The answer to a form asks for
    // its style under a name of its own: by then that page lies where this header clears it away (W3C Clear Site Data §3.1).
    const keeping = request.url?.includes('?') ? { 'clear-site-data': '"cache"' } : { 'cache-control': 'public, max-age=3600' };
    response.writeHead(200, { 'content-type': 'text/css; charset=utf-8', ...keeping }).end(sheet);
  },
};
