import { afterAll, describe, expect, it } from 'vitest';
import { inspectDatabase, runCommand, startServerProcess, tempEnvironment } from './process.ts';

const { environment, cleanUp: leave } = await tempEnvironment();
afterAll(leave);
const admin = (...words: string[]) => runCommand(['scripts/admin.ts', ...words], environment);
const idIn = (text: string) => /[\da-f-]{36}/.exec(text)?.[0] ?? '';

/** The state of each key id as listed by `keys`. */
async function states() {
  const { code, out } = await admin('keys');
  expect(code).toBe(0);
  return Object.fromEntries(
    out
      .trim()
      .split('\n')
      .map((line) => line.split(/ +/, 2)),
  );
}

describe('the admin commands for signing keys', { timeout: 60_000 }, () => {
  it('list, rotate and remove keys, and a server uses them accordingly', async () => {
    const [first = ''] = Object.keys(await states());
    expect(await states()).toEqual({ [first]: 'active' });
    const next = await admin('rotate-keys');
    expect([next.code, next.err]).toEqual([0, '']);
    expect(await states()).toEqual({ [first]: 'active', [idIn(next.out)]: 'published' });
    const now = await admin('rotate-keys', '--now');
    expect(await states()).toEqual({ [first]: 'retiring', [idIn(now.out)]: 'active', [idIn(next.out)]: 'published' });
    expect(await admin('remove-key', first)).toMatchObject({ code: 0, out: expect.stringContaining('remove this one from it as well') });
    expect(await states()).toEqual({ [first]: 'removed', [idIn(now.out)]: 'active', [idIn(next.out)]: 'published' });
    await using server = await startServerProcess(environment);
    const { keys } = (await (await fetch(`${server.url}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] };
    expect(keys.map(({ kid }) => kid)).toEqual([idIn(now.out), idIn(next.out)]);
    expect(await server.stop()).toBe(0);
  });

  it('create a new active key when the active one is removed', async () => {
    const [kid = ''] = Object.entries(await states()).find(([, state]) => state === 'active') ?? [];
    const { out } = await admin('remove-key', kid);
    const made = idIn(out.split('\n')[1] ?? '');
    expect(await states()).toMatchObject({ [kid]: 'removed', [made]: 'active' });
    const rows = await inspectDatabase(environment, (db) =>
      db.prisma.auditEvent.findMany({ where: { action: 'sys_key_removed' }, orderBy: { at: 'asc' } }),
    );
    expect(rows.map(({ details, agent }) => [details, agent])).toContainEqual([{ kid, state: 'active' }, 'remove-key']);
  });

  it('exit with 1 for an unknown key and with 2 for invalid arguments', async () => {
    expect(await admin('remove-key', 'none')).toMatchObject({ code: 1, out: '', err: expect.stringContaining('No key has that id') });
    for (const words of [
      ['remove-key'],
      ['rotate-keys', 'now'],
      ['rotate-keys', '--now', 'x'],
      ['keys', '--now'],
      ['remove-key', 'x', '--now'],
    ])
      expect(await admin(...words), words.join(' ')).toMatchObject({ code: 2, out: '', err: expect.stringContaining('Usage:') });
  });
});
