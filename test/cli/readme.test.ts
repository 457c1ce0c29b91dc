import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { spawnProcess, startServerProcess, tempEnvironment } from './process.ts';

const root = join(import.meta.dirname, '../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const { environment, cleanUp: leave } = await tempEnvironment();
afterAll(leave);

/** The fenced blocks of a section, with what stands behind their first fence. */
function blocksOf(section: string) {
  const [, body = ''] = new RegExp(`\n## ${section}\n(.*?)(?=\n## |$)`, 's').exec(readme) ?? [];
  return [...body.matchAll(/^```(\w+)(?: terminal=(\d))?\n(.*?)^```$/gms)].map(([, kind = '', terminal = '', text = '']) => ({
    kind,
    terminal,
    text,
  }));
}

/** A shell that runs what is pasted into it. */
function openTerminal() {
  const { output: said, waitForOutput: hear, write } = spawnProcess('bash', []);
  let pasted = 0;
  return {
    said,
    /** Runs commands to their end and answers what they print. */
    async paste(commands: string): Promise<string> {
      pasted += 1;
      const from = said.out.length;
      const end = `\n--- ${pasted} pasted\n`;
      write(`${commands}\nprintf '${end.replaceAll('\n', '\\n')}'\n`);
      await hear(() => said.out.includes(end));
      return said.out.slice(from, said.out.indexOf(end)).trim();
    },
    /** Runs commands that do not end, until they say that the stream is open: the first line of an event stream is a comment. */
    async follow(commands: string) {
      write(commands);
      await hear(() => said.out.startsWith(':'));
    },
    async nextEvent(): Promise<string> {
      await hear(() => said.out.includes('data:') && said.out.endsWith('\n\n'));
      return said.out.replace(':', '').trim();
    },
  };
}

describe('the README', { timeout: 60_000 }, () => {
  it('names the two commands, which are npm scripts', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
    const commands = blocksOf('Start').map(({ text }) => text.trim());
    expect(commands).toEqual(['npm ci && npm start', 'npm test']);
    expect(scripts).toMatchObject({ start: 'node src/server/main.ts', test: 'node scripts/test.ts' });
  });

  it('has a first session that works word for word', async () => {
    const server = await startServerProcess(environment);
    const { port } = new URL(server.url);
    const [second, third] = [openTerminal(), openTerminal()];
    let answer = '';
    for (const { kind, terminal, text } of blocksOf('A first session')) {
      const typed = text.replaceAll('localhost:4000', `localhost:${port}`);
      if (terminal === '2') answer = await second.paste(typed);
      if (terminal === '3') await third.follow(typed);
      if (kind === 'text') expect(text.startsWith('event') ? await third.nextEvent() : answer).toMatch(asPattern(text.trim()));
    }
    expect([second.said.err, third.said.err]).toEqual(['', '']);
  });

  it('shows both the answers and the event', () => {
    expect(blocksOf('A first session').map(({ kind, terminal }) => kind + terminal)).toEqual([
      'bash2',
      'bash2',
      'bash2',
      'text',
      'bash2',
      'text',
      'bash3',
      'bash2',
      'text',
      'text',
    ]);
  });

  it('names every setting, and no other', () => {
    const source = readFileSync(join(root, 'src/config.ts'), 'utf8');
    const settings = [...source.matchAll(/^ {2}([A-Z_]+): /gm)].map(([, name]) => name);
    const documented = [...readme.matchAll(/^\| `([A-Z_]+)` +\|/gm)].map(([, name]) => name);
    expect(documented.sort()).toEqual([...new Set(settings)].sort());
  });
});

/** A text in which `…` stands for whatever differs from time to time. */
const asPattern = (text: string) =>
  new RegExp(
    `^${text
      .split('…')
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('[^"]+')}$`,
  );
