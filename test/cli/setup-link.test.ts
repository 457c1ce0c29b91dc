import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommand, startServerProcess, tempEnvironment } from './process.ts';

const { environment, cleanUp } = await tempEnvironment();
afterAll(cleanUp);
const SETUP_TOKEN = randomBytes(32).toString('base64url');

/** The link that a server prints when it has started. */
async function linkOf(settings: Record<string, string> = {}) {
  await using server = await startServerProcess({ ...environment, PUBLIC_URL: 'http://localhost:4711', ...settings });
  if (!/administrator: \S+\n/.test(server.output.out)) await server.waitForOutput(() => server.output.out.includes('SETUP_TOKEN'));
  return { link: /administrator: (\S+)\n/.exec(server.output.out)?.[1], out: server.output.out };
}

describe('the setup link', { timeout: 60_000 }, () => {
  it('is printed in development while there is no superadmin, the same after a restart', async () => {
    const { link } = await linkOf();
    expect(link).toMatch(/^http:\/\/localhost:4711\/setup\?token=fgs_[\w-]{43}$/);
    expect((await linkOf()).link).toBe(link);
    expect((await linkOf({ SETUP_TOKEN })).link).toBe(`http://localhost:4711/setup?token=${SETUP_TOKEN}`);
  });

  it('creates the administrator, once', async () => {
    await using server = await startServerProcess({ ...environment, PUBLIC_URL: 'http://localhost:4711' });
    const token = new URL(/administrator: (\S+)\n/.exec(server.output.out)?.[1] ?? '').searchParams.get('token') ?? '';
    const submit = (email: string) =>
      fetch(`${server.url}/setup`, {
        method: 'POST',
        body: new URLSearchParams({ token, email, password: 'a long walk along the river' }),
      });
    expect((await submit('ada@example.com')).status).toBe(200);
    expect((await submit('eve@example.com')).status).toBe(400);
  });

  it('is no longer printed then, and a SETUP_TOKEN that is still set is reported without its value', async () => {
    const { link, out } = await linkOf({ SETUP_TOKEN });
    expect(link).toBeUndefined();
    expect(out).toContain('"level":"warn"');
    expect(out).toContain('Setting SETUP_TOKEN: there is a superadmin, so remove the setting');
    expect(out).not.toContain(SETUP_TOKEN);
  });

  it('needs a SETUP_TOKEN that is random, and the server exits with one sentence without its value otherwise', async () => {
    const weak = [
      'too-short-1A',
      'change-me-change-me-change-me-123',
      'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
      '0123456789abcdef0123456789abcdef',
      'abcdefghijklmnopqrstuvwxyzABCDEFGHIJ',
      'correct-horse-battery-staple-and-so-on',
      'MySecretTokenForTheFirstAdmin2026',
      `${SETUP_TOKEN} ${SETUP_TOKEN}`,
    ];
    for (const token of weak) {
      const { code, out, err } = await runCommand(['src/server/main.ts'], { ...environment, SETUP_TOKEN: token });
      expect([code, out, err]).toEqual([
        1,
        '',
        'Setting SETUP_TOKEN: must be at least 32 random characters without spaces, such as the output of `openssl rand -hex 32`\n',
      ]);
    }
  });
});
