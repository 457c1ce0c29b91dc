import { type Html, html } from '../../lib/html.ts';

/** What a page of ours may do: no script, no picture, nothing from elsewhere; its form goes back to us (security.md 21.1). */
export const policy = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/** Where the style is, as seen from a page that is opened, and from one that answers a form. */
export const styles = { opened: 'page.css', answer: 'page.css?answer' } as const;

/** A whole page. Paths are relative, since those of the server need not begin at the root of its host. */
export const layout = (style: string, title: string, heading: string, content: readonly Html[]): Html =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="stylesheet" href="${style}">
</head>
<body>
<main>
<h1>${heading}</h1>
${content}
</main>
</body>
</html>
`;
