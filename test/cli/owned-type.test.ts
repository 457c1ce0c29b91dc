import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apply, type Block, blocksOf, type Copy, copyRepository } from './worked-example.ts';

const timeout = 600_000; // it generates, compiles and tests what a newcomer would
const ownership = 'src/access/ownership.ts';

let copy: Copy;
let blocks: Block[];
beforeAll(async () => {
  copy = await copyRepository();
  blocks = await blocksOf('Add an owned type');
  for (const block of blocks) await apply(copy, block);
}, timeout);
afterAll(() => copy.remove());

/** Runs tests in the copy, on the same database as these. */
const test = (files: string) => copy.run(`vitest run ${files}`, { TEST_DATABASE_URL: process.env.TEST_DATABASE_URL ?? '' });
const succeeds = ({ code, said }: Awaited<ReturnType<typeof test>>) => expect(code, said).toBe(0);

/** Runs a command while a row of the ownership table is replaced, and returns its output. */
async function withRow(model: string, other: string, command: () => ReturnType<Copy['run']>) {
  const text = await copy.read(ownership);
  const [row] = new RegExp(`^ {2}${model}: \\{ of: .*\n`, 'm').exec(text) ?? [];
  if (!row) throw new Error(`${ownership} has no row of ${model}`);
  await copy.write(
    ownership,
    text.replace(row, () => other),
  );
  const { code, said } = await command();
  await copy.write(ownership, text);
  expect(code).not.toBe(0);
  return said;
}

describe('the owned type in CONTRIBUTING', { timeout }, () => {
  it('passes the linter and compiles', async () => {
    const files = [...new Set(blocks.flatMap((block) => (block.file ?? block.in ?? '').match(/.*\.ts$/) ?? []))];
    expect(files.length).toBeGreaterThan(8);
    succeeds(await copy.run(`biome check --error-on-warnings ${files.join(' ')}`));
    succeeds(await copy.run('tsc --noEmit'));
  });

  it('passes its own tests and the tests of the layout, the schema and the audit', async () => {
    succeeds(await test('test/folder test/schema test/audit'));
  });

  it('does not compile without its row in the ownership table, and the error names the row', async () => {
    const said = await withRow('Document', '', () => copy.run('tsc --noEmit'));
    expect(said).toMatch(/ownership\.ts\W.*Property 'Document' is missing/);
  });

  it('fails its test with a row that leads nowhere', async () => {
    const said = await withRow('Document', '  Document: {},\n', () => test('test/folder/document.test.ts'));
    expect(said).toMatch(/- +"owner": "by every way"/);
  });

  it('is accessible only to its user when the row of its parent says so', async () => {
    const row = "  Folder: { of: 'User', by: 'user', writable: self },\n";
    const said = await withRow('Folder', row, () => test('test/folder/document.test.ts'));
    expect(said).toMatch(/- +"admin": "by every way",\n\+ +"admin": "by none"/);
    expect(said).not.toMatch(/- +"owner"/);
  });
});
