import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { until } from './open-verifier.ts';
import { installPackage, run } from './packed-package.ts';
import { startRealServer } from './real-server.ts';

const { folder, place, remove } = installPackage(['jose', 'fastify', 'express', 'graphql', 'graphql-yoga']);
afterAll(remove);
const { server, url: issuer, token } = await startRealServer();
const plain = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8')) as { version: string };

describe('the package', () => {
  it('contains only the build, a README and a license', () => {
    expect(plain.version).toBe('0.1.0');
    expect(readdirSync(place).sort()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json']);
    expect(readdirSync(join(place, 'dist')).filter((name) => !/^[a-z-]+(\.d\.ts|\.js)$/.test(name))).toEqual([]);
  });

  it('documents every option and every error code in its README', () => {
    const output = readFileSync(join(place, 'README.md'), 'utf8');
    const read = (file: string) => readFileSync(join(import.meta.dirname, '../src', file), 'utf8');
    const codes = [...read('verifier-error.ts').matchAll(/^ {2}(ERR_\w+):/gm)].map(([, code = '']) => code);
    const options = [...read('options.ts').matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name = '']) => name);
    expect([codes.length, options.length]).toEqual([13, 9]);
    expect([...codes, ...options].filter((name) => !output.includes(`\`${name}\``))).toEqual([]);
  });

  it('works in plain Node.js, and lets the process exit after close', async () => {
    const { accessToken } = await server.user();
    const program = `
      import { createVerifier } from '@fieldgate/verifier';
      import { VerifierError } from '@fieldgate/verifier/error';
      const verifier = await createVerifier({ url: '${issuer}', token: '${token}' });
      const { sid } = await verifier.verify('${accessToken}');
      const error = await verifier.verify('no').catch((thrown) => thrown);
      console.log(verifier.state, sid.length, error instanceof VerifierError, error.code);
      await verifier.close();`;
    writeFileSync(join(folder, 'program.mjs'), program);
    const child = spawn(process.execPath, ['program.mjs'], { cwd: folder });
    const output = child.stdout.setEncoding('utf8').toArray();
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect((await output).join('')).toBe('following 36 true ERR_TOKEN_INVALID\n');
  });

  it('has types for strict TypeScript', () => {
    const program = `
      import { type Claims, createVerifier, type Verifier } from '@fieldgate/verifier';
      import { type Code, VerifierError } from '@fieldgate/verifier/error';
      const verifier: Verifier = await createVerifier({ url: '', token: '', heartbeat: '1s' });
      export const claims: Claims = await verifier.verify('', { maxStaleness: '2s', onStale: 'introspect' });
      export const codeOf = (error: unknown): Code | undefined => (error instanceof VerifierError ? error.code : undefined);
      // @ts-expect-error a duration has a unit
      await verifier.verify('', { maxStaleness: '2' });`;
    writeFileSync(join(folder, 'program.mts'), program);
    const compiler = join(import.meta.dirname, '../../../node_modules/typescript-compiler/bin/tsc');
    run(folder, process.execPath, compiler, ...'--noEmit --strict --module nodenext --target es2023 program.mts'.split(' '));
  });
});

describe.each([
  ['fastify.ts', (url: string, headers: object) => fetch(`${url}/me`, { headers: { ...headers } })],
  ['express.ts', (url: string, headers: object) => fetch(`${url}/me`, { headers: { ...headers } })],
  [
    'yoga-subgraph.ts',
    (url: string, headers: object) =>
      fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: '{"query":"{ me { id } }"}',
      }),
  ],
])('the example %s', (file, get) => {
  it('has at most 50 lines', () => {
    expect(readFileSync(join(folder, file), 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(50);
  });

  it('accepts valid tokens, rejects everything else, and exits on SIGTERM', async () => {
    const child = spawn(process.execPath, [file], {
      cwd: folder,
      env: { ...process.env, FIELDGATE_URL: issuer, FIELDGATE_TOKEN: token, PORT: '0' },
    });
    const ended = once(child, 'exit');
    onTestFinished(() => void child.kill('SIGKILL'));
    const url = await addressIn(child.stdout);
    const alice = await server.user();
    const authorization = `Bearer ${alice.accessToken}`;
    const known = await get(url, { authorization });
    expect([known.status, await known.text()]).toEqual([200, expect.stringContaining(`"${alice.uuid}"`)]);
    for (const headers of [{}, { authorization: 'Bearer no' }, { authorization: String(alice.accessToken) }]) {
      const unknown = await get(url, headers);
      expect([unknown.status, unknown.headers.get('www-authenticate')]).toEqual([401, 'Bearer error="invalid_token"']);
      expect(await unknown.text()).not.toContain(alice.uuid);
    }
    await alice.query('mutation { logout { ended } }');
    await until(async () => (await get(url, { authorization })).status === 401);
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });
});

async function addressIn(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const [, url] = /^listens at (\S+)$/.exec(line) ?? [];
    if (url) {
      output.resume();
      return url;
    }
  }
  throw new Error('the example ended');
}
