import { spawn } from 'node:child_process';
import { chmod, lstat, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitUntil } from '../test-server.ts';
import { inspectDatabase, runCommand, spawnProcess, waitUntilListening } from './process.ts';

const password = 'a long walk along the river';
const root = await mkdtemp(join(tmpdir(), 'fieldgate-'));
const DATA_DIR = join(root, 'data');
const socket = join(DATA_DIR, 'admin.sock');
const started: ReturnType<typeof spawnProcess>[] = [];

async function start(folder = DATA_DIR) {
  const server = spawnProcess(process.execPath, ['src/server/main.ts'], { DATA_DIR: folder });
  started.push(server);
  return { ...server, url: (await waitUntilListening(server)).url };
}

async function end({ child, ended }: ReturnType<typeof spawnProcess>, signal: NodeJS.Signals = 'SIGTERM') {
  child.kill(signal);
  return ended;
}

/** Runs a command and returns its exit code and output. */
async function admin(words: string[], input = '', folder = DATA_DIR) {
  const { code, out, err } = await runCommand(['scripts/admin.ts', ...words], { DATA_DIR: folder }, input);
  return [code, (out + err).trim()];
}

const create = (email: string) => admin(['create-superadmin', email], `${password}\n`);

async function query(url: string, text: string, variables = {}, token?: string) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query: text, variables }) });
  return response.json() as Promise<{ data: Record<string, never> | null; errors?: { extensions: { code: string } }[] }>;
}

async function logIn(url: string, email: string) {
  const text = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken } } }';
  const { data } = await query(url, text, { input: { email, password } });
  return (data as { login: { accessToken: string } } | null)?.login.accessToken;
}

/** Sends lines to the socket of a server and returns what it answers. */
async function sendRaw(text: string) {
  const connection = connect(socket).setEncoding('utf8');
  connection.write(text);
  let answer = '';
  for await (const chunk of connection) answer += chunk;
  return answer
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

afterAll(async () => {
  await Promise.all(started.map((server) => end(server, 'SIGKILL')));
  await rm(root, { recursive: true });
});

describe('admin commands beside a server with the embedded database', { timeout: 60_000 }, () => {
  let server: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    server = await start();
  }, 60_000);

  it('take effect in the server at once', async () => {
    expect(await create('ada@example.com')).toEqual([0, 'ada@example.com is a superadmin.']);
    const token = await logIn(server.url, 'ada@example.com');
    expect(await query(server.url, '{ me { email } }', {}, token)).toEqual({ data: { me: { email: 'ada@example.com' } } });
    expect(await create('ada@example.com')).toEqual([1, expect.stringContaining('already has an account')]);
    expect(await admin(['create-superadmin', 'eve@example.com'], 'short\n')).toEqual([1, expect.stringContaining('The password must')]);
  });

  it('revoke sessions, which subscribers learn at once', async () => {
    await create('bob@example.com');
    const token = await logIn(server.url, 'bob@example.com');
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query: 'subscription { tokenRevoked { reason } }' }),
    });
    const stream = new Response(response.body).text(); // ends with the session
    expect(await admin(['users', 'disable', 'bob@example.com', '--as', 'ada@example.com'])).toEqual([0, 'bob@example.com is disabled.']);
    expect(await stream).toContain('USER_DISABLED');
    expect((await query(server.url, '{ me { email } }', {}, token)).errors?.[0]?.extensions.code).toBe('TOKEN_REVOKED');
    expect(await logIn(server.url, 'bob@example.com')).toBeUndefined();
  });

  it('unlock an account that has to wait', async () => {
    const wrong = 'mutation { login(input: { email: "ada@example.com", password: "guess" }) { __typename } }';
    await query(server.url, wrong);
    expect(await admin(['users', 'unlock', 'ada@example.com'])).toEqual([0, 'ada@example.com can log in without waiting.']);
    expect(await admin(['users', 'unlock', 'ada@example.com'])).toEqual([0, 'ada@example.com had no failed attempts.']);
  });

  it('read a file of the operator, from the folder of the command', async () => {
    const file = join(root, 'seed.yaml');
    await writeFile(file, 'users: [{ email: carol@example.com, displayName: Carol }]');
    expect(await admin(['seed', file])).toEqual([0, 'user carol@example.com created']);
    expect(await admin(['seed', join(root, 'missing.yaml')])).toEqual([1, expect.stringContaining('missing.yaml')]);
    await writeFile(file, 'roles: [');
    expect(await admin(['seed', file])).toEqual([1, expect.stringContaining(file)]);
  });

  it('rotate the signing keys of the server, and verify its audit', async () => {
    const [, before] = await admin(['keys']);
    const [code, text] = await admin(['rotate-keys', '--now']);
    const kid = /^\S+/.exec(String(text))?.[0] ?? '';
    expect([code, text]).toEqual([0, expect.stringContaining('signs now')]);
    expect(before).not.toContain(kid);
    expect(await admin(['keys'])).toEqual([0, expect.stringMatching(new RegExp(`${kid} +active`))]);
    expect(await admin(['verify-audit'])).toEqual([0, expect.stringContaining('The audit is unchanged')]);
    expect(await admin(['verify-audit', '--head', `1:${'ab'.repeat(32)}`])).toEqual([1, expect.any(String)]);
    expect(await admin(['accept-keys'])).toEqual([1, expect.stringMatching(/^The server runs/)]);
  });

  it('end what a restored backup has brought back', async () => {
    const token = await logIn(server.url, 'ada@example.com');
    expect(await admin(['restored'])).toEqual([0, expect.stringContaining('Superadmins now: ada@example.com')]);
    await waitUntil(async () => (await query(server.url, '{ me { email } }', {}, token)).errors !== undefined);
    expect(await logIn(server.url, 'ada@example.com')).toEqual(expect.any(String));
  });

  it('run at the same time', async () => {
    const emails = ['dora@example.com', 'erin@example.com', 'frank@example.com'];
    expect(await Promise.all(emails.map(create))).toEqual(emails.map((email) => [0, `${email} is a superadmin.`]));
    const twice = await Promise.all([create('grace@example.com'), create('grace@example.com')]);
    expect(twice.map(([code]) => code).sort()).toEqual([0, 1]);
  });

  it('exit with 2 and the usage if the arguments are invalid, as without a server', async () => {
    expect(await admin(['users', 'burn', 'a'])).toEqual([2, expect.stringContaining('Usage:')]);
    expect(await admin(['create-superadmin', 'not an address'])).toEqual([1, 'not an address is not a valid email address.']);
  });

  it('are rejected with one sentence if the server has another version, does not know them or does not understand them', async () => {
    const request = { version: '0.0.1', words: ['keys'], input: '' };
    expect(await sendRaw(`${JSON.stringify(request)}\n`)).toEqual([
      { error: expect.stringMatching(/^The server has version \S+ and the command version 0\.0\.1\./) },
      { exit: 1 },
    ]);
    const version = /version (\S+)/.exec((await sendRaw(`${JSON.stringify(request)}\n`))[0].error)?.[1];
    for (const words of [['burn'], ['create-keys'], ['keys', 'now']])
      expect(await sendRaw(`${JSON.stringify({ ...request, version, words })}\n`)).toEqual([
        { error: 'The server does not know this command. Restart it.' },
        { exit: 1 },
      ]);
    for (const text of ['\n', '{}\n', 'GET / HTTP/1.1\n', `${'x'.repeat(17 * 1024 * 1024)}\n`])
      expect(await sendRaw(text)).toEqual([{ error: 'The server does not understand the request.' }, { exit: 1 }]);
  });

  it('are accepted from the user of the server only', async () => {
    const [file, folder] = await Promise.all([lstat(socket), lstat(DATA_DIR)]);
    expect([file.isSocket(), file.mode & 0o777, folder.mode & 0o777]).toEqual([true, 0o600, 0o700]);
  });

  it.runIf(process.getuid?.() === 0)('reject another user even where that user may enter the folder', async () => {
    await Promise.all([chmod(root, 0o755), chmod(DATA_DIR, 0o755)]);
    const script = `require('node:net').connect(${JSON.stringify(socket)}).on('error', ({ code }) => { console.log(code); }).on('connect', () => { console.log('connected'); process.exit(); })`;
    const child = spawn(process.execPath, ['-e', script], { uid: 65_534, gid: 65_534, cwd: '/' });
    expect(await new Response(child.stdout as never).text()).toBe('EACCES\n');
    await chmod(DATA_DIR, 0o700);
  });

  it('open the folder themselves after the server was killed, and a new server executes commands again', async () => {
    await end(server, 'SIGKILL');
    expect((await lstat(socket)).isSocket()).toBe(true);
    expect(await create('heidi@example.com')).toEqual([0, 'heidi@example.com is a superadmin.']);
    server = await start();
    expect(await create('ivan@example.com')).toEqual([0, 'ivan@example.com is a superadmin.']);
    expect(await logIn(server.url, 'heidi@example.com')).toEqual(expect.any(String));
  });

  it('wait for a server that starts', async () => {
    await end(server);
    const starting = spawnProcess(process.execPath, ['src/server/main.ts'], { DATA_DIR });
    started.push(starting);
    await waitUntil(async () => (await readFile(join(DATA_DIR, 'lock'), 'utf8').catch(() => '')) === String(starting.child.pid));
    expect(await create('judy@example.com')).toEqual([0, 'judy@example.com is a superadmin.']);
    server = { ...starting, url: (await waitUntilListening(starting)).url };
    expect(await logIn(server.url, 'judy@example.com')).toEqual(expect.any(String));
  });

  it('leave no socket behind when the server stops, and are recorded like those of any command', async () => {
    expect(await end(server)).toBe(0);
    await expect(lstat(socket)).rejects.toThrow('ENOENT');
    await inspectDatabase({ DATA_DIR }, async ({ prisma }) => {
      expect(await prisma.auditEvent.count({ where: { action: 'user_created', agent: 'create-superadmin' } })).toBe(9);
      expect(await prisma.token.count({ where: { revokedAt: null, description: 'admin command' } })).toBe(0);
    });
  });
});

describe('a server with the embedded database', { timeout: 60_000 }, () => {
  it('executes commands in a folder with a long path', async () => {
    const folder = join(root, 'a'.repeat(120), 'b'.repeat(120));
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const server = await start(folder);
    expect(await admin(['keys'], '', folder)).toEqual([0, expect.stringContaining('active')]);
    await end(server);
  });

  it('executes no commands in a folder in which other users may write, and says so', async () => {
    const folder = join(root, 'open');
    await mkdir(folder);
    await chmod(folder, 0o777);
    const server = await start(folder);
    const warning = `Other users may write in ${folder}, so the server executes no commands there: chmod go-w ${folder}`;
    await server.waitForOutput(() => server.output.out.includes(warning));
    expect(server.output.out).toContain(warning);
    await expect(lstat(join(folder, 'admin.sock'))).rejects.toThrow('ENOENT');
    expect(await admin(['keys'], '', folder)).toEqual([1, warning]);
    await end(server);
  });
});
