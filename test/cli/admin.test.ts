import { afterAll, describe, expect, it } from 'vitest';
import { inspectDatabase, runCommand, spawnProcess, startServerProcess, tempEnvironment } from './process.ts';

const password = 'a long walk along the river';
const { environment, cleanUp: leave } = await tempEnvironment();
afterAll(leave);
const create = (email: string, input = `${password}\n`) => runCommand(['scripts/admin.ts', 'create-superadmin', email], environment, input);
const countUsers = () => inspectDatabase(environment, (db) => db.prisma.user.count());

async function send(url: string, query: string, variables = {}, token?: string) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  return response.json() as Promise<{ data: { login: { accessToken: string }; me: object } }>;
}

const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken } } }';
const me = '{ me { emailConfirmedAt roles { role { name } domain { name } } } }';

describe('create-superadmin', { timeout: 60_000 }, () => {
  it('creates a platform superadmin who can log in at once', async () => {
    expect(await create('ada@example.com')).toEqual({ code: 0, out: 'ada@example.com is a superadmin.\n', err: '' });
    await using server = await startServerProcess(environment);
    const session = await send(server.url, login, { input: { email: 'Ada@example.com', password } });
    const answer = await send(server.url, me, {}, session.data.login.accessToken);
    expect(answer.data.me).toEqual({ emailConfirmedAt: expect.any(String), roles: [{ role: { name: 'SUPERADMIN' }, domain: null }] });
    expect(await server.stop()).toBe(0);
  });

  it('records an audit event', async () => {
    const rows = await inspectDatabase(environment, (db) => db.prisma.auditEvent.findMany({ where: { action: 'user_created' } }));
    expect(rows).toMatchObject([
      { result: 'ok', actorId: null, agent: 'create-superadmin', details: { role: 'SUPERADMIN', domain: null } },
    ]);
    expect(JSON.stringify(rows)).not.toContain(password);
  });

  it('rejects a taken address, ignoring case, and keeps its account unchanged', async () => {
    const { code, err } = await create('ADA@EXAMPLE.COM', 'another walk along the river\n');
    expect([code, err]).toEqual([1, expect.stringContaining('already has an account')]);
    expect(await countUsers()).toBe(1);
  });

  it('rejects a malformed address and an unacceptable password', async () => {
    expect(await create('ada@localhost')).toMatchObject({ code: 1, err: expect.stringContaining('not a valid email address') });
    for (const bad of ['passwordpassword\n', 'robert@example.com\n', ''])
      expect(await create('robert@example.com', bad)).toMatchObject({
        code: 1,
        out: '',
        err: expect.stringContaining('The password must'),
      });
    expect(await countUsers()).toBe(1);
  });

  it('reads exactly one line as the password, with its spaces', async () => {
    expect(await create('carol@example.com', ` ${password} \r\nmore\n`)).toMatchObject({ code: 0 });
    await using server = await startServerProcess(environment);
    const tries = [password, ` ${password} `].map((one) =>
      send(server.url, login, { input: { email: 'carol@example.com', password: one } }),
    );
    const [trimmed, exact] = await Promise.all(tries);
    expect([trimmed?.data, exact?.data.login]).toEqual([null, { accessToken: expect.any(String) }]);
  });

  it('works while a server runs on the same database', async () => {
    await using _ = await startServerProcess(environment);
    expect(await create('dora@example.com')).toMatchObject({ code: 0 });
  });

  it('prints the usage with exit code 2 and never repeats an argument that could be a password', async () => {
    for (const args of [
      [],
      ['create-superadmin'],
      ['create-superadmin', 'eve@example.com', password],
      ['create-keys', password],
      ['make'],
    ]) {
      const { code, out, err } = await runCommand(['scripts/admin.ts', ...args], environment);
      expect([code, out, err.includes('Usage:'), err.includes(password)]).toEqual([2, '', true, false]);
    }
  });

  it('names an invalid setting without its value', async () => {
    const { code, err } = await runCommand(['scripts/admin.ts', 'create-superadmin', 'eve@example.com'], {
      DATABASE_URL: 'mysql://root:secret@db',
    });
    expect([code, err]).toEqual([1, expect.stringContaining('DATABASE_URL')]);
    expect(err).not.toContain('secret');
  });
});

// `script` of util-linux runs a command in a terminal and prints what the terminal shows.
describe('create-superadmin on a terminal', { timeout: 60_000 }, () => {
  async function type(email: string, first: string, second: string) {
    const command = `${process.execPath} scripts/admin.ts create-superadmin ${email}`;
    const { output, ended, waitForOutput, write } = spawnProcess(
      'script',
      ['--quiet', '--return', '--command', command, '/dev/null'],
      environment,
    );
    await waitForOutput(() => output.out.includes('Password: '));
    write(`${first}\r`);
    await waitForOutput(() => output.out.includes('Repeat password: '));
    write(`${second}\r`);
    return { code: await ended, screen: output.out };
  }

  it('asks for the password twice and does not echo it', async () => {
    const { code, screen } = await type('frank@example.com', password, password);
    expect(screen.replaceAll('\r', '')).toBe('Password: \nRepeat password: \nfrank@example.com is a superadmin.\n');
    expect(code).toBe(0);
  });

  it('creates no account when the two passwords differ', async () => {
    const before = await countUsers();
    const { code, screen } = await type('grace@example.com', password, `${password}s`);
    expect([code, screen]).toEqual([1, expect.stringContaining('The passwords do not match.')]);
    expect(await countUsers()).toBe(before);
  });

  it('creates no account when the prompt is cancelled', async () => {
    const before = await countUsers();
    const { code, screen } = await type('heidi@example.com', password, '\u0003');
    expect([code, screen]).toEqual([1, expect.stringContaining('No password was entered.')]);
    expect(await countUsers()).toBe(before);
  });
});
