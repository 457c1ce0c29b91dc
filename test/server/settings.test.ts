import type { JWK } from 'jose';
import { afterAll, describe, expect, it } from 'vitest';
import { generateSigningKey } from '../../src/identity/keys/configured-keys.ts';
import { runCommand, tempEnvironment } from '../cli/process.ts';

const here = await tempEnvironment();
afterAll(here.cleanUp);

/** Starts a server with settings that make it exit. */
const start = (settings: Record<string, string>) => runCommand(['src/server/main.ts'], { ...here.environment, ...settings });

describe('a setting', () => {
  it('stops the process when a setting is invalid, naming it without its value', async () => {
    const secret = 'hunter2';
    const bad = {
      PORT: secret,
      NODE_ENV: secret,
      DATABASE_URL: `mysql://${secret}`,
      PUBLIC_URL: `ftp://${secret}`,
      ACCESS_TOKEN_TTL: `5${secret}`,
      REFRESH_RETRY_WINDOW: '61s',
      FRESHNESS: '0s',
      PASSWORD_MIN: '7',
      TRUSTED_PROXIES: '-1',
      CORS_ORIGINS: `https://a.example,*,${secret}`,
      INTROSPECTION: secret,
      LOG_LEVEL: secret,
    };
    const [jwk, other] = (await Promise.all([generateSigningKey(), generateSigningKey()])) as [JWK, JWK];
    const badKeys = [{ kty: secret }, { ...jwk, d: secret }, { ...jwk, x: other.x }, { ...jwk, x: secret }].map((key) => [key]);
    const each: Record<string, string>[] = [
      bad,
      ...[...badKeys, [jwk, jwk], []].map((keys) => ({ JWT_KEYS: JSON.stringify(keys) })),
      { ENCRYPTION_KEYS: secret },
    ];
    for (const settings of each) {
      const { code, out, err } = await start(settings);
      expect([code, out]).toEqual([1, '']);
      expect([...err.matchAll(/^Setting (\w+): ./gm)].map(([, name]) => name).sort()).toEqual(Object.keys(settings).sort());
      expect(err).not.toContain(secret);
    }
  }, 60_000);

  it('does not accept a username or password in PUBLIC_URL, which links and tokens would contain', async () => {
    const { code, err } = await start({ PUBLIC_URL: 'https://ada:hunter2@id.example.com' });
    expect([code, err.trim()]).toEqual([1, 'Setting PUBLIC_URL: must not contain a username or password']);
  }, 60_000);

  it('reports all settings that are missing in production together', async () => {
    const { code, err } = await start({ NODE_ENV: 'production', DATABASE_URL: '' });
    expect(code).toBe(1);
    for (const name of ['DATABASE_URL', 'PUBLIC_URL', 'JWT_KEYS', 'ENCRYPTION_KEYS', 'SMTP_URL', 'MAIL_FROM'])
      expect(err).toContain(`Setting ${name}: must be set in production`);
  }, 60_000);

  it('names DATABASE_URL without its value when no database listens there', async () => {
    const { code, err } = await start({ DATABASE_URL: 'postgresql://hunter2:hunter3@127.0.0.1:1/hunter4' });
    expect([code, err.trim()]).toEqual([1, 'Setting DATABASE_URL: no database listens there']);
  }, 60_000);

  it('names PORT when another process listens there', async () => {
    const { createServer } = await import('node:net');
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as { port: number };
    const { code, err } = await start({ PORT: String(port) });
    other.close();
    expect([code, err.trim()]).toEqual([1, `Setting PORT: ${port} is in use. Stop the other program or set PORT to another port.`]);
  }, 60_000);
});
