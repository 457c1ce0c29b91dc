import { type Html, html } from '../../lib/html.ts';

/** No scripts, no images, nothing from other origins; forms are submitted to this server only (security.md 21.1). */
export const contentSecurityPolicy = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/** The URL of the style sheet, for a page and for the response to a form. */
export const stylesheets = { page: 'page.css', response: 'page.css?response' } as const;

/** A whole page. URLs are relative, because the server may be published under a path. */
export const layout = (stylesheet: string, title: string, heading: string, content: readonly Html[]): Html =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="stylesheet" href="${stylesheet}">
</head>
<body>
<main>
<h1>${heading}</h1>
${content}
</main>
</body>
</html>
`;
