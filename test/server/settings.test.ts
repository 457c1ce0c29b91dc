import type { JWK } from 'jose';
import { afterAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { generateSigningKey } from '../../src/identity/keys/configured-keys.ts';
import { runCommand, startServerProcess, tempEnvironment } from '../cli/process.ts';

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

  it.each([
    ['https://ada:hunter2@id.example.com', 'must not contain a username or password'],
    ['https:///ada:hunter2@id.example.com', 'must be a URL such as https://id.example.com'],
  ])(
    'stops the process when PUBLIC_URL is %s: it %s',
    async (url, fault) => {
      const { code, err } = await start({ PUBLIC_URL: url });
      expect([code, err.trim()]).toEqual([1, `Setting PUBLIC_URL: ${fault}`]);
    },
    60_000,
  );

  it.each([
    'https://@id.example.com',
    'https:ada:hunter2@id.example.com',
    'https:\\\\id.example.com',
    'https://id.example.com\\@other.example',
    'https://id.exam\tple.com',
    ' https://id.example.com',
    'https://id.exam%70le.com',
    'https://',
    'javascript://id.example.com',
    'https://id.example.com/?x=1',
    'https://id.example.com/#x',
  ])('of PUBLIC_URL that programs could read in different ways is rejected: %j', (url) => {
    expect(() => readConfig({ PUBLIC_URL: url })).toThrow(/^Setting PUBLIC_URL: must /);
  });

  it.each([
    ['ALLOWED_HOSTS', 'id.example.com:443', 'must be hosts such as id.example.com, without a scheme, port or path'],
    ['ALLOWED_HOSTS', 'https://id.example.com', 'must be hosts such as id.example.com, without a scheme, port or path'],
    ['ALLOWED_HOSTS', 'id.example.com/x', 'must be hosts such as id.example.com, without a scheme, port or path'],
    ['ALLOWED_HOSTS', '::1', 'must be hosts such as id.example.com, without a scheme, port or path'],
    ['ALLOWED_HOSTS', 'localhost,*.example.com', 'must list the hosts: `*` matches none'],
    ['CORS_ORIGINS', '*', 'must list the origins: `*` would let every site call the API'],
    ['CORS_ORIGINS', 'https://*.example.com', 'must list the origins: `*` would let every site call the API'],
    ['CORS_ORIGINS', 'https://app.example.com/', 'must be origins such as "https://app.example.com", without a path'],
    ['PROXY_HEADER', 'x-real-ip', 'must be one of x-forwarded-for, forwarded'],
    ['FIELDGATE_PORT', '4000', 'does not exist; its name is PORT'],
    ['FIELDGATE_COLOUR', 'red', 'does not exist; settings have no prefix (docs/settings.md)'],
  ])('that could never have an effect is rejected: %s=%s %s', (name, value, fault) => {
    expect(() => readConfig({ [name]: value })).toThrow(new Error(`Setting ${name}: ${fault}`));
  });

  it('ignores the variables that Kubernetes sets for a service of its name', () => {
    const address = '10.0.0.1';
    const variables = { SERVICE_HOST: address, SERVICE_PORT: '4000', SERVICE_PORT_HTTP: '4000', PORT: `tcp://${address}:4000` };
    const ofPort = {
      PORT_4000_TCP: `tcp://${address}:4000`,
      PORT_4000_TCP_PROTO: 'tcp',
      PORT_4000_TCP_PORT: '4000',
      PORT_4000_TCP_ADDR: address,
    };
    const named = (prefix: string) =>
      Object.fromEntries(Object.entries({ ...variables, ...ofPort }).map(([name, value]) => [prefix + name, value]));
    expect(() => readConfig({ ...named('FIELDGATE_'), ...named('FIELDGATE_WEB_') })).not.toThrow();
  });

  it('of PUBLIC_URL must begin with https: in production, unless ALLOW_HTTP is true', () => {
    const production = {
      NODE_ENV: 'production',
      DATABASE_URL: 'postgresql://nowhere/x',
      JWT_KEYS: '[]',
      ENCRYPTION_KEYS: 'x',
      SMTP_URL: 'smtp://nowhere',
      MAIL_FROM: 'a@example.com',
    };
    const read = (settings: Record<string, string>) => readConfig({ ...production, PUBLIC_URL: 'http://id.internal', ...settings });
    expect(() => read({})).toThrow(/^Setting PUBLIC_URL: must begin with https: in production; ALLOW_HTTP=true permits http:/);
    expect(read({ ALLOW_HTTP: 'true' }).PUBLIC_URL).toBe('http://id.internal');
    for (const url of ['https://id.internal', 'http://localhost:4000', 'http://127.0.0.1', 'http://[::1]:4000', 'http://id.test'])
      expect(read({ PUBLIC_URL: url }).PUBLIC_URL).toBe(url);
    for (const url of ['http://localhost.example', 'http://contest', 'http://127.0.0.1.example'])
      expect(() => read({ PUBLIC_URL: url })).toThrow(/^Setting PUBLIC_URL: /);
  });

  it('of PUBLIC_URL is published in lower case, without a default port or a slash at the end', async () => {
    await using server = await startServerProcess({ ...here.environment, PUBLIC_URL: 'HTTPS://ID.Example.com:443/' });
    const metadata = await fetch(`${server.url}/.well-known/oauth-authorization-server`);
    expect(await metadata.json()).toMatchObject({ issuer: 'https://id.example.com' });
  }, 60_000);

  it('reports all settings that are missing in production together', async () => {
    const { code, err } = await start({ NODE_ENV: 'production', DATABASE_URL: '' });
    expect(code).toBe(1);
    for (const name of ['DATABASE_URL', 'PUBLIC_URL', 'JWT_KEYS', 'ENCRYPTION_KEYS', 'SMTP_URL', 'MAIL_FROM'])
      expect(JSON.parse(err)).toMatchObject({
        level: 'fatal',
        event: 'sys_startup_failed',
        msg: expect.stringContaining(`Setting ${name}: must be set in production`),
      });
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
