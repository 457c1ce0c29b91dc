import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll } from 'vitest';
import { isEmbedded } from '../test-database.ts';

const places = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];
const executablePath = process.env.CHROMIUM ?? places.find((path) => existsSync(path));

// It talks to nobody but the server under test.
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const isMissing = executablePath === undefined;

/** Without a browser; and on a second database, where there is nothing more to learn. */
export const isSkipped = isMissing || !isEmbedded;

if (isMissing && isEmbedded) {
  if (process.env.CI) throw new Error('There is no Chromium: install one, or name it by CHROMIUM.');
  console.warn('\n!!! NO CHROMIUM WAS FOUND (CHROMIUM, or /usr/bin/chromium): the pages were not tested in a browser.\n');
}

let browser: Promise<Browser> | undefined;
afterAll(async () => (await browser)?.close());

/** What a page should not have done: errors, and breaches of its policy, of which the console tells; and whom it asked. */
export interface Watched {
  readonly page: Page;
  readonly complaints: readonly string[];
  readonly origins: ReadonlySet<string>;
}

/** A new page of a browser that remembers nothing of others; as a person's, it may show again what it has left. */
export async function newPage(): Promise<Watched> {
  browser ??= chromium.launch({ executablePath: executablePath ?? '', args, ignoreDefaultArgs: ['--disable-back-forward-cache'] });
  const context = await (await browser).newContext({ viewport: { width: 320, height: 640 } });
  context.setDefaultTimeout(5_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  const origins = new Set<string>();
  page.on('console', (message) => {
    // The status of an answer is a line of its own there; below a warning it says how forms could be made nicer still.
    const isTold = ['error', 'warning'].includes(message.type());
    if (isTold && !/^Failed to load resource: .* status of 4\d\d/.test(message.text())) complaints.push(message.text());
  });
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('request', (request) => origins.add(new URL(request.url()).origin));
  return { page, complaints, origins };
}
