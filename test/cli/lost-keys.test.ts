import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommand, startServerProcess, tempEnvironment } from './process.ts';

const { folder, cleanUp } = await tempEnvironment();
afterAll(cleanUp);

const DATA_DIR = join(folder, 'data');
const file = join(DATA_DIR, 'keys.json');

describe('an embedded database without its keys.json', { timeout: 120_000 }, () => {
  it.each(['server', 'command'])('makes a start, a command and doctor name the file and generate no keys (created by a %s)', async (by) => {
    if (by === 'server') await (await startServerProcess({ DATA_DIR })).stop();
    else {
      const created = ['scripts/admin.ts', 'create-superadmin', 'ada@example.com'];
      expect(await runCommand(created, { DATA_DIR }, 'a long walk along the river\n')).toMatchObject({ code: 0 });
    }
    await rm(file);
    const sentence = `The file ${file} with the keys of the database is missing`;
    for (const words of [['src/server/main.ts'], ['scripts/admin.ts', 'keys']]) {
      const { code, out, err } = await runCommand(words, { DATA_DIR });
      expect([code, out, err]).toEqual([1, '', expect.stringMatching(/^The file .* is missing: .*\n$/)]);
      expect(err).toContain(sentence);
    }
    const doctor = await runCommand(['scripts/admin.ts', 'doctor', '--json'], { DATA_DIR });
    expect(doctor.code).toBe(1);
    expect(JSON.parse(doctor.out).checks).toContainEqual({ check: 'keys', status: 'problem', message: expect.stringContaining(sentence) });
    expect(existsSync(file)).toBe(false);
    await rm(DATA_DIR, { recursive: true });
  });
});
