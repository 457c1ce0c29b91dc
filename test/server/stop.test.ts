import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { generateKeys } from '../../src/identity/keys/configured-keys.ts';
import { spawnProcess, tempEnvironment, waitUntilListening } from '../cli/process.ts';
import { isEmbedded } from '../test-database.ts';
import { type TestServer, waitUntil } from '../test-server.ts';
import { follow } from '../token/revocation-stream.ts';
import { rawSocket } from '../transport/raw-client.ts';

const here = await tempEnvironment();
afterAll(here.cleanUp);

/** A running server process. */
async function serve(settings: Record<string, string> = {}) {
  const environment = { ...here.environment, TRUSTED_PROXIES: '1', ...settings };
  const process = spawnProcess(globalThis.process.execPath, ['src/server/main.ts'], environment);
  const { url } = await waitUntilListening(process);
  return { ...process, url, server: { url } as TestServer };
}

const body = '{"query":"{ viewer { fresh } }"}';

/** A request that the server has started to read. */
async function begin(url: string) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).on('error', () => {});
  const closed = new Promise((resolve) => socket.once('close', resolve));
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  const head = `POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  await new Promise<void>((resolve) => socket.write(head + body.slice(0, 10), () => resolve()));
  await new Promise((resolve) => setTimeout(resolve, 200));
  const finish = async () => {
    socket.write(body.slice(10));
    await closed;
    return answer;
  };
  return { finish, closed };
}

const isRefusing = (url: string) =>
  fetch(url).then(
    () => false,
    () => true,
  );

async function register(url: string) {
  const answer = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      query: 'mutation ($input: RegisterInput!) { register(input: $input) { session { accessToken } } }',
      variables: { input: { email: `${crypto.randomUUID()}@example.com`, password: 'horses of the correct battery' } },
    }),
  });
  const { data } = (await answer.json()) as { data: { register: { session: { accessToken: string } } } };
  return data.register.session.accessToken;
}

describe('stopping the server', () => {
  it('completes running requests, accepts no new ones, and closes WebSockets and streams', async () => {
    const { child, url, server, ended } = await serve();
    const token = await register(url);
    const [socket, stream, request] = [await rawSocket(server), await follow(server, token, '', 'server-sent events'), await begin(url)];
    await socket.init(token);
    child.kill('SIGTERM');
    expect(await socket.closed).toEqual({ code: 1001, reason: 'Going away' });
    expect(await stream.ended).toBe('complete');
    await waitUntil(() => isRefusing(url));
    expect(await request.finish()).toMatch(/^HTTP\/1\.1 200 OK.*"fresh":false/s);
    expect(await ended).toBe(0);
  }, 60_000);

  it('does not wait for idle connections and WebSockets', async () => {
    const { child, url, server, ended } = await serve();
    await rawSocket(server);
    await fetch(`${url}/health/live`, { keepalive: true });
    const silent = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
    await once(silent, 'connect');
    const started = performance.now();
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    expect(performance.now() - started).toBeLessThan(10_000);
  }, 60_000);

  it('is immediate when it is requested twice', async () => {
    const { child, url, ended } = await serve();
    const request = await begin(url);
    child.kill('SIGTERM');
    await waitUntil(() => isRefusing(url));
    const started = performance.now();
    child.kill('SIGTERM');
    expect(await ended).toBe(1);
    await request.closed;
    expect(performance.now() - started).toBeLessThan(2_000);
  }, 60_000);

  it('happens in the same way when the terminal closes, which may send SIGHUP several times', async () => {
    const { child, url, ended } = await serve();
    const request = await begin(url);
    child.kill('SIGHUP');
    await waitUntil(() => isRefusing(url));
    child.kill('SIGHUP');
    expect(await request.finish()).toMatch(/^HTTP\/1\.1 200 OK.*"fresh":false/s);
    expect(await ended).toBe(0);
  }, 60_000);
});

describe('a running server', () => {
  it('keeps running after SIGUSR2 and SIGPIPE, and when nothing reads its log', async () => {
    const { child, url, ended } = await serve({ LOG_LEVEL: 'trace' });
    child.kill('SIGUSR2');
    child.kill('SIGPIPE');
    child.stdout.destroy();
    child.stderr.destroy();
    for (const _ of [1, 2, 3]) {
      await register(url);
      expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    }
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  }, 60_000);

  it('opens no inspector after SIGUSR1 when npm start has started it, from the first moment of the process on', async () => {
    const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as { scripts: { start: string } };
    const [, ...args] = scripts.start.split(' ');
    const NODE_OPTIONS = "--import=data:text/javascript,process.kill(process.pid,'SIGUSR1')"; // before the server is loaded
    const process = spawnProcess(globalThis.process.execPath, args, { ...here.environment, NODE_OPTIONS });
    const { url } = await waitUntilListening(process);
    process.child.kill('SIGUSR1');
    await register(url);
    expect(process.output.err).toBe('');
    process.child.kill('SIGTERM');
    expect(await process.ended).toBe(0);
  }, 60_000);

  it.skipIf(isEmbedded)(
    'opens no inspector after SIGUSR1 in production (needs a PostgreSQL server)',
    async () => {
      const production = {
        NODE_ENV: 'production',
        PUBLIC_URL: 'https://id.example.com',
        ALLOWED_HOSTS: '127.0.0.1,localhost',
        SMTP_URL: 'smtp://127.0.0.1:1',
        MAIL_FROM: 'a@example.com',
        ...(await generateKeys()),
      };
      const own = await tempEnvironment();
      const { child, url, ended, output } = await serve({ ...own.environment, ...production });
      child.kill('SIGUSR1');
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect((await fetch(`${url}/health/ready`)).status).toBe(200);
      expect(output.err).toBe('');
      child.kill('SIGTERM');
      expect(await ended).toBe(0);
      await own.cleanUp();
    },
    60_000,
  );
});
