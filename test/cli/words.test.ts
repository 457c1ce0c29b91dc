import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommand } from './process.ts';

const folder = await mkdtemp(join(tmpdir(), 'fieldgate-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The words that the script reports in a file with this text, as `line: word`. */
async function findings(name: string, text: string): Promise<string[]> {
  const file = join(folder, name);
  await writeFile(file, text);
  const { out } = await runCommand(['scripts/words.ts', file], {});
  return [...out.matchAll(/:(?<line>\d+): "(?<word>[^"]*)"/g)].map(({ groups }) => `${groups?.line}: ${groups?.word}`);
}

describe('the word list', () => {
  it('reports words in prose, but not in code and links of a document', async () => {
    const text = 'Whoever asks\n\n`nobody` and [page](nobody.md)\n\n```ts\nconst nobody = 1;\n```\n\nfor nobody\n';
    expect(await findings('page.md', text)).toEqual(['1: Whoever', '9: nobody']);
  });

  it('reports words in comments and strings of code, but not in names, imports and regular expressions', async () => {
    const text = "import x from './nobody.ts';\nconst nobody = x;\n// for nobody\nconst y = 'somebody';\nconst z = /nobody/;\n";
    expect(await findings('code.ts', text)).toEqual(['3: nobody', '4: somebody']);
  });

  it('reports words in titles of tests, but in no other text of a test', async () => {
    const text = "describe('nobody', () => {\n  it.each([1])('finds somebody', () => expect('whoever'));\n});\n";
    expect(await findings('some.test.ts', text)).toEqual(['1: nobody', '2: somebody']);
  });

  it('reports descriptions that begin with a relative clause', async () => {
    const text =
      'type A {\n  """Whether it works."""\n  works: Boolean\n  """True if it works."""\n  ok: Boolean\n  """\n  How it works.\n\n  Access: anyone\n  """\n  how: String\n}\n';
    expect(await findings('some.graphql', text)).toEqual(['2: Whether', '7: How']);
  });

  it('allows words in their usual technical sense', async () => {
    expect(await findings('usage.md', 'Shut down. At least 8 letters or digits. A separate table, apart from that.\n')).toEqual([]);
  });
});
