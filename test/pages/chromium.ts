import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll } from 'vitest';

const places = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];
const executablePath = process.env.CHROMIUM ?? places.find((path) => existsSync(path));

// The browser must connect to nothing except the server under test.
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const isMissing = executablePath === undefined;

if (isMissing) {
  if (process.env.CI) throw new Error('There is no Chromium: install one, or name it by CHROMIUM.');
  console.warn('\n!!! NO CHROMIUM WAS FOUND (CHROMIUM, or /usr/bin/chromium): the pages were not tested in a browser.\n');
}

let browser: Promise<Browser> | undefined;
afterAll(async () => (await browser)?.close());

/** A page with its console errors and warnings, such as policy violations, and the origins it has requested. */
export interface WatchedPage {
  readonly page: Page;
  readonly complaints: readonly string[];
  readonly origins: ReadonlySet<string>;
}

/** A page in a new browser context, with the back-forward cache enabled as users have it. */
export async function newPage(): Promise<WatchedPage> {
  browser ??= chromium.launch({ executablePath: executablePath ?? '', args, ignoreDefaultArgs: ['--disable-back-forward-cache'] });
  const context = await (await browser).newContext({ viewport: { width: 320, height: 640 } });
  context.setDefaultTimeout(5_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  const origins = new Set<string>();
  page.on('console', (message) => {
    // The console also reports 4xx responses, and hints about forms below the level of a warning.
    const isReported = ['error', 'warning'].includes(message.type());
    if (isReported && !/^Failed to load resource: .* status of 4\d\d/.test(message.text())) complaints.push(message.text());
  });
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('request', (request) => origins.add(new URL(request.url()).origin));
  return { page, complaints, origins };
}
