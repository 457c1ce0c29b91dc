import { readFileSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { spawnProcess, startServerProcess, tempEnvironment } from './process.ts';

const root = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const readme = read('README.md');
const { environment, folder, cleanUp } = await tempEnvironment();
afterAll(cleanUp);

interface Block {
  readonly language: string;
  readonly terminals: string[];
  readonly file: string | undefined;
  readonly text: string;
}

/** The fenced blocks of a section of the README. */
function blocksOf(section: string): Block[] {
  return blocksIn(new RegExp(`\n## ${section}\n(?<body>.*?)(?=\n## |$)`, 's').exec(readme)?.groups?.body ?? '');
}

/** The fenced blocks of a text, with the terminals or the file that their info string names. */
function blocksIn(body: string): Block[] {
  const fenced = /^```(?<language>\w+)(?: terminal=(?<terminals>[\d,]+))?(?: file=(?<file>\S+))?\n(?<text>.*?)^```$/gms;
  return [...body.matchAll(fenced)].map(({ groups: { language = '', terminals, file, text = '' } = {} }) => ({
    language,
    terminals: terminals?.split(',') ?? [],
    file,
    text,
  }));
}

/** A shell that runs what is pasted into it. */
function openTerminal() {
  const { output, waitForOutput, write } = spawnProcess('bash', []);
  let pasted = 0;
  return {
    output,
    /** Runs commands to their end and returns what they print. */
    async paste(commands: string): Promise<string> {
      pasted += 1;
      const from = output.out.length;
      const end = `\n--- ${pasted} pasted\n`;
      write(`${commands}\nprintf '${end.replaceAll('\n', '\\n')}'\n`);
      await waitForOutput(() => output.out.includes(end));
      return output.out.slice(from, output.out.indexOf(end)).trim();
    },
    /** Runs commands that do not end, until the stream is open: the first line of an event stream is a comment. */
    async follow(commands: string) {
      const from = output.out.length;
      write(commands);
      await waitForOutput(() => output.out.slice(from).includes(':'));
    },
    async nextEvent(): Promise<string> {
      await waitForOutput(() => output.out.includes('data:') && output.out.endsWith('\n\n'));
      return output.out.slice(output.out.indexOf('event:')).trim();
    },
  };
}

/** Runs the first session. `pause` is the time before each step that logs in; a session with pauses has no stream, which ends with its token. */
async function runSession(url: string, { pause = 0 } = {}) {
  const terminals: Record<string, ReturnType<typeof openTerminal>> = { 2: openTerminal(), 3: openTerminal() };
  const blocks = blocksOf('A first session').map((block) => ({ ...block, text: block.text.replaceAll('http://localhost:4000', url) }));
  let printed = '';
  for (const { language, terminals: names, text } of blocks) {
    const isStream = text.includes('event-stream');
    if (text.startsWith('login') && !isStream) await sleep(pause);
    if (isStream && pause === 0) await terminals[3]?.follow(text);
    if (!isStream) for (const name of names) printed = (await terminals[name]?.paste(text)) ?? '';
    if (language === 'text' && !text.startsWith('event')) expect(printed).toMatch(asPattern(text.trim()));
    if (text.startsWith('event') && pause === 0) expect(await terminals[3]?.nextEvent()).toMatch(asPattern(text.trim()));
  }
  expect(Object.values(terminals).map(({ output }) => output.err)).toEqual(['', '']);
}

/** Writes the files of an example into a folder that has the packages of this repository. */
async function writeProject(name: string, files: Pick<Block, 'file' | 'text'>[]) {
  const project = join(folder, name);
  for (const { file = '', text } of files) {
    await mkdir(dirname(join(project, file)), { recursive: true });
    await writeFile(join(project, file), text);
  }
  await symlink(join(root, 'node_modules'), join(project, 'node_modules'));
  await writeFile(join(project, 'package.json'), '{ "type": "module" }');
  const compilerOptions = {
    target: 'esnext',
    module: 'nodenext',
    strict: true,
    noEmit: true,
    types: ['node'],
    allowImportingTsExtensions: true,
    erasableSyntaxOnly: true,
    verbatimModuleSyntax: true,
  };
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  return project;
}

/** Runs commands of the installed packages in a folder, and returns what they print. */
async function runIn(project: string, commands: string, settings: Record<string, string> = {}) {
  const { output, ended } = spawnProcess(
    'bash',
    ['-c', `set -e; cd "$0"; PATH=$PWD/node_modules/.bin:$PATH; ${commands}`, project],
    settings,
  );
  return { code: await ended, ...output };
}

describe('the README', { timeout: 120_000 }, () => {
  it('has at most 150 lines', () => {
    expect(readme.split('\n').length - 1).toBeLessThanOrEqual(150);
  });

  it('names the two commands, which are npm scripts', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
    const commands = blocksOf('Start').map(({ text }) => text.trim());
    expect(commands).toEqual(['npm ci && npm start', 'npm test']);
    expect(scripts).toMatchObject({ start: 'node --disable-sigusr1 src/server/main.ts', test: 'node scripts/test.ts' });
  });

  it('has a first session and a frontend that work word for word', async () => {
    await using server = await startServerProcess(environment);
    const url = server.url.replace('127.0.0.1', 'localhost');
    await runSession(url);
    const blocks = blocksOf('A frontend in TypeScript').map((block) => ({
      ...block,
      text: block.text.replaceAll('http://localhost:4000', url),
    }));
    const [install, run = ''] = blocks.filter(({ language }) => language === 'sh').map(({ text }) => text);
    expect(install).toMatch(/^npm init -y && npm pkg set type=module && npm i -D /);
    const project = await writeProject(
      'frontend',
      blocks.filter(({ file }) => file),
    );
    expect(await runIn(project, run)).toMatchObject({ code: 0, out: expect.stringMatching(/Hello, Ada\n$/) });
    expect(await runIn(project, 'tsc')).toEqual({ code: 0, out: '', err: '' });
  });

  it('has a first session that works a second time, with pauses longer than an access token lasts', async () => {
    await using server = await startServerProcess({ ...environment, ACCESS_TOKEN_TTL: '3s' });
    await runSession(server.url.replace('127.0.0.1', 'localhost'), { pause: 3_100 });
  });

  it('shows the answers and the event of the first session', () => {
    const kinds = blocksOf('A first session').map(({ language, terminals }) => language + terminals.join());
    expect(kinds).toEqual(['bash2,3', 'bash2', 'bash2', 'text', 'bash3', 'bash2', 'text', 'text']);
  });
});

describe('the page for clients', { timeout: 120_000 }, () => {
  it('has code that refreshes once for all callers, and keeps a stream open for longer than an access token lasts', async () => {
    await using server = await startServerProcess({ ...environment, ACCESS_TOKEN_TTL: '3s' });
    const main = `
      import { connect } from './follow.ts';
      import { login, refresh, request, send } from './tokens.ts';
      const input = { email: 'grace@example.com', password: 'a long walk along the river' };
      await send('mutation ($input: RegisterInput!) { register(input: $input) { confirmationRequired } }', { input });
      await login(input.email, input.password);
      const [one, other] = await Promise.all([refresh(), refresh()]);
      console.log(one.refreshToken === other.refreshToken);
      setTimeout(() => request('mutation { logout { ended } }'), 4_000);
      const client = connect();
      for await (const result of client.iterate({ query: 'subscription { tokenRevoked { reason } }' })) console.log(JSON.stringify(result));
      await client.dispose();`;
    const files = [...blocksIn(read('docs/clients.md')).filter(({ file }) => file), { file: 'main.ts', text: main }];
    const output = await runIn(await writeProject('client', files), 'tsc; node main.ts', { ENDPOINT: `${server.url}/graphql` });
    expect(output).toEqual({ code: 0, out: 'true\n{"data":{"tokenRevoked":{"reason":"LOGOUT"}}}\n', err: '' });
  });
});

/** A pattern in which `…` stands for any value. */
const asPattern = (text: string) =>
  new RegExp(
    `^${text
      .split('…')
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('[^"]+')}$`,
  );
