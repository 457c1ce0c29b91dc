import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommand, spawnProcess, tempEnvironment, waitUntilListening } from '../cli/process.ts';

const { environment, cleanUp } = await tempEnvironment();
afterAll(cleanUp);

const read = async (file: string) => JSON.parse(await readFile(file, 'utf8'));
const { scripts } = (await read('package.json')) as { scripts: Record<string, string> };
const { packages } = (await read('package-lock.json')) as { packages: Record<string, { dev?: true; devOptional?: true }> };

const [, ...startArgs] = (scripts.start ?? '').split(' ');
const [, ...adminArgs] = (scripts.admin ?? '').split(' ');

// As in a production install, what only development needs cannot be imported.
const withoutDevelopmentPackages = {
  ...environment,
  NODE_OPTIONS: `--import=${pathToFileURL('test/server/without-development-packages.ts')}`,
};

describe('a production install', () => {
  it('has every package that the server imports', async () => {
    const server = spawnProcess(process.execPath, startArgs, withoutDevelopmentPackages);
    await waitUntilListening(server);
    server.child.kill('SIGTERM');
    expect(await server.ended).toBe(0);
  }, 60_000);

  it('has every package that the admin commands import', async () => {
    expect(await runCommand([...adminArgs, 'keys'], withoutDevelopmentPackages)).toMatchObject({ code: 0, err: '' });
  }, 60_000);

  // npm installs what is marked devOptional, such as a package that is an optional peer of one in production, also without development packages.
  it('has no package that only development needs', () => {
    expect(Object.keys(packages).filter((name) => packages[name]?.devOptional)).toEqual([]);
    expect(['prisma-cli', 'typescript-compiler', 'vitest'].map((name) => packages[`node_modules/${name}`]?.dev)).toEqual([
      true,
      true,
      true,
    ]);
  });

  it.each(['start', 'admin'])(
    'says in one sentence which Node.js is needed when npm run %s uses one that cannot run TypeScript',
    async (script) => {
      const [, ...args] = (scripts[`pre${script}`] ?? '').split(' ');
      const { code, out, err } = await runCommand(['--no-experimental-strip-types', ...args], {});
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(err).toMatch(/^Node\.js [\d.]+ cannot run Fieldgate: use Node\.js 22\.18 or later, [^\n]+\.\n$/);
    },
  );
});
