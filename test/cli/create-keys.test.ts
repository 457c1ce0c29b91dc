import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommand, spawnProcess, tempEnvironment, waitUntilListening } from './process.ts';

const { folder, environment, cleanUp: leave } = await tempEnvironment();
afterAll(leave);
const create = () => runCommand(['scripts/admin.ts', 'create-keys'], {});

describe('create-keys', { timeout: 60_000 }, () => {
  it('prints two settings that a shell can source and a server can start with', async () => {
    const { code, out } = await create();
    expect(code).toBe(0);
    await writeFile(join(folder, 'keys.env'), out);
    const command = `set -a; . "$DATA_DIR/keys.env"; exec ${process.execPath} src/server/main.ts`;
    await using server = await waitUntilListening(spawnProcess('bash', ['-euc', command], environment));
    const { keys } = (await (await fetch(`${server.url}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] };
    expect(keys.map(({ kid }) => kid)).toEqual([/"kid":"([\w-]+)"/.exec(out)?.[1]]);
  });

  it('needs no settings and creates different keys every time', async () => {
    const [one, other] = await Promise.all([create(), create()]);
    expect([one.out, other.out]).toEqual(
      Array(2).fill(expect.stringMatching(/^JWT_KEYS='\[\{.+\}\]'\nENCRYPTION_KEYS='\["[\w+/]{43}="\]'\n$/)),
    );
    expect(one.out).not.toBe(other.out);
  });
});
