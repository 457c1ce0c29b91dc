import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, readdir, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKeys } from '../../src/identity/keys/configured-keys.ts';
import { waitUntil } from '../test-server.ts';
import { runCommand, spawnProcess, startServerProcess, tempEnvironment } from './process.ts';
import { use, user } from './sessions.ts';

const { folder, cleanUp } = await tempEnvironment();
afterAll(cleanUp);
const data = join(folder, 'data');
const file = join(folder, 'backup.tar.gz');
const settings = { DATA_DIR: data };

const admin = (words: string[], changes: Record<string, string> = {}) =>
  runCommand(['scripts/admin.ts', ...words], { ...settings, ...changes });
const start = (changes: Record<string, string> = {}) => startServerProcess({ ...settings, ...changes });

describe('the admin commands backup and restore on the embedded database', { timeout: 180_000 }, () => {
  const [ada, bob] = [user('ada@example.com'), user('bob@example.com')];
  let before: Awaited<ReturnType<typeof prepare>>;

  async function prepare(url: string) {
    const live = await ada.register(url);
    const ended = (await ada.logIn(url)) as typeof live;
    expect(await ada.logOut(url, ended)).toBe('ok');
    return { live, ended };
  }

  beforeAll(async () => {
    await using server = await start();
    before = await prepare(server.url);
    const made = await admin(['backup', file]);
    expect(made).toMatchObject({
      code: 0,
      err: '',
      out: expect.stringMatching(/^Wrote .*backup\.tar\.gz \(\d+ kB\)\. Restoring it needs/),
    });
    await bob.register(server.url);
  }, 90_000);

  it('back up beside a running server and without one, into a file that only its owner can read', async () => {
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await admin(['backup', file])).toMatchObject({ code: 1, err: expect.stringContaining('exists already') });
    expect(await admin(['backup', join(folder, 'second.tar.gz')])).toMatchObject({ code: 0 });
    expect(await admin(['backup', '--verify', file])).toMatchObject({ code: 0, out: expect.stringContaining('can be restored') });
    expect((await readdir(folder)).sort()).toEqual(['backup.tar.gz', 'data', 'second.tar.gz']);
  });

  it('reject a named pipe instead of waiting for its other end', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    for (const words of [
      ['backup', pipe],
      ['backup', pipe, '--overwrite'],
      ['backup', '--verify', pipe],
    ])
      expect(await admin(words)).toMatchObject({ code: 1, err: expect.stringContaining('not a file') });
    await rm(pipe);
  });

  it('back up to one name at the same time into a complete file, which only one of them writes', async () => {
    await using _ = await start();
    const name = join(folder, 'same.tar.gz');
    const made = await Promise.all(Array.from({ length: 4 }, () => admin(['backup', name])));
    expect(made.map(({ code }) => code).sort()).toEqual([0, 1, 1, 1]);
    for (const { code, err } of made) if (code === 1) expect(err).toMatch(/same\.tar\.gz exists already\. .*\n$/);
    expect(await admin(['backup', '--verify', name])).toMatchObject({ code: 0 });
    const replaced = await Promise.all(Array.from({ length: 4 }, () => admin(['backup', name, '--overwrite'])));
    expect(replaced.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(await admin(['backup', '--verify', name])).toMatchObject({ code: 0 });
    expect((await readdir(folder)).sort()).toEqual(['backup.tar.gz', 'data', 'same.tar.gz', 'second.tar.gz']);
    await rm(name);
  });

  it('reject a restore beside a server, over a database, from a damaged file, and with other keys, and change nothing', async () => {
    const server = await start();
    expect(await admin(['restore', file, '--replace'])).toMatchObject({ code: 1, err: expect.stringMatching(/Stop that one first\.\n$/) });
    await server.stop();
    expect(await admin(['restore', file])).toMatchObject({ code: 1, err: expect.stringContaining('There is a database in') });
    const cut = join(folder, 'cut.tar.gz');
    await cp(file, cut);
    await truncate(cut, Math.floor((await stat(file)).size / 2));
    expect(await admin(['restore', cut, '--replace'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/cut\.tar\.gz is damaged, or not .*\n$/),
    });
    const dump = join(folder, 'postgres.dump');
    await writeFile(dump, 'PGDMP');
    expect(await admin(['restore', dump, '--replace'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('Set DATABASE_URL to restore it'),
    });
    expect(await admin(['restore', file, '--replace'], await generateKeys())).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^Setting ENCRYPTION_KEYS: does not contain the key .*\n$/),
    });
    const elsewhere = join(folder, 'elsewhere');
    expect(await admin(['restore', file], { DATA_DIR: elsewhere })).toMatchObject({
      code: 1,
      err: expect.stringContaining('Copy the keys.json'),
    });
    expect(existsSync(elsewhere)).toBe(false);
    await using again = await start();
    expect(await bob.logIn(again.url)).toMatchObject({ accessToken: expect.any(String) });
  });

  it('leave the database as it was when the process is killed in the middle of a restore', async () => {
    const restore = spawnProcess(process.execPath, ['scripts/admin.ts', 'restore', file, '--replace'], settings);
    await waitUntil(() => existsSync(join(data, 'postgres.prepared')));
    restore.child.kill('SIGKILL');
    await restore.ended;
    const server = await start();
    expect(await bob.logIn(server.url)).toMatchObject({ accessToken: expect.any(String) });
    await server.stop();
    // The state between the two renames.
    await rename(join(data, 'postgres'), join(data, 'postgres.replaced'));
    const again = await start();
    expect(await bob.logIn(again.url)).toMatchObject({ accessToken: expect.any(String) });
    await again.stop();
  });

  it.each(['postgres.prepared', 'postgres.replaced'])(
    'remove %s, which a killed restore has left, when the database is opened',
    async (left) => {
      await cp(join(data, 'postgres'), join(data, left), { recursive: true });
      await using server = await start();
      expect(await bob.logIn(server.url)).toMatchObject({ accessToken: expect.any(String) });
      expect(await readdir(data)).not.toContain(left);
    },
  );

  it('restore users and end every access of the backup', async () => {
    const restored = await admin(['restore', file, '--replace']);
    expect(restored).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/^Revoked 1 sessions and 0 API tokens\./) });
    expect((await readdir(data)).sort()).toEqual(['keys.json', 'postgres', 'postgres.lock']);
    await using server = await start();
    const { url } = server;
    expect(await ada.logIn(url)).toMatchObject({ accessToken: expect.any(String) });
    expect(await bob.logIn(url)).toBe('INVALID_CREDENTIALS');
    for (const { accessToken } of [before.live, before.ended]) expect(await use(url, accessToken)).toBe('INVALID_TOKEN');
    for (const session of [before.live, before.ended]) expect(await ada.refresh(url, session)).not.toBe('ok');
  });

  it('restore into a new folder with lost keys', async () => {
    const elsewhere = join(folder, 'elsewhere');
    expect(await admin(['restore', file, '--accept-keys'], { DATA_DIR: elsewhere })).toMatchObject({ code: 0 });
    await using server = await start({ DATA_DIR: elsewhere });
    expect(await ada.logIn(server.url)).toMatchObject({ accessToken: expect.any(String) });
  });
});
