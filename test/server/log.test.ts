import { afterAll, describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { generateKeys } from '../../src/identity/keys/configured-keys.ts';
import { startServerProcess, tempEnvironment } from '../cli/process.ts';
import { isEmbedded } from '../test-database.ts';

const here = await tempEnvironment();
afterAll(here.cleanUp);

const production = {
  NODE_ENV: 'production',
  PUBLIC_URL: 'https://id.example.com',
  SMTP_URL: 'smtp://127.0.0.1:1',
  MAIL_FROM: 'a@example.com',
  ...(await generateKeys()),
};

describe('the output of a server in production', () => {
  it.skipIf(isEmbedded)(
    'is one JSON object a line, with the name of the level and the time in ISO 8601, from the start on (needs a PostgreSQL server)',
    async () => {
      await using server = await startServerProcess({ ...here.environment, ...production, LOG_LEVEL: 'warn' });
      await fetch(`${server.url}/page.css`, { headers: { host: 'elsewhere.example' } });
      await fetch(`${server.url}/page.css`, { method: 'DELETE' });
      await server.waitForOutput(() => server.output.out.includes('http_request_rejected'));
      const lines = server.output.out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(lines[0]).toEqual({
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        event: 'sys_startup',
        version: packageJson.version,
        msg: `Fieldgate listens at ${server.url}/graphql`,
      });
      expect(lines.slice(1)).toContainEqual(expect.objectContaining({ level: 'warn', event: 'http_request_rejected' }));
    },
    60_000,
  );
});
