import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addedLines, copyRepository, type Example, readExamples } from './example-copy.ts';

// All examples are applied to one copy of the repository, which is generated, compiled and tested once.
const timeout = 300_000;
const examples = await readExamples();
const copy = await copyRepository();
afterAll(copy.remove);

beforeAll(async () => {
  for (const example of examples) await copy.apply(example);
  await copy.succeed('node scripts/migrate.ts new examples && prisma generate && node scripts/schema.ts && graphql-codegen');
}, timeout);

const filesOf = (name: string) => {
  const { newFiles, changedFiles } = examples.find((one) => one.name === name) as Example;
  return [...newFiles.filter((file) => file.startsWith('src/')), ...changedFiles];
};

describe('the examples', { timeout }, () => {
  it('pass the formatter, the linter, the compiler and the check for unused code', async () => {
    const { code, output } = await copy.run('biome check --error-on-warnings . && tsc --noEmit && knip');
    expect(code, output).toBe(0);
  });

  it('pass their own tests and those that follow the tables which they extend', async () => {
    const own = examples.flatMap(({ newFiles }) => newFiles.filter((file) => file.endsWith('.test.ts')));
    const derived = [
      'test/user/update-profile.test.ts',
      'test/account/erase-account.test.ts',
      'test/auth/register.test.ts',
      'test/repository/schema.test.ts',
      'test/mail/templates.test.ts',
    ];
    const { code, output } = await copy.run(`vitest run ${[...own, ...derived].join(' ')}`);
    expect(code, output).toBe(0);
  });
});

describe('a profile field', { timeout }, () => {
  it('takes a column, its migration and one entry in one table', () => {
    expect(filesOf('profile-field')).toEqual(['prisma/schema.prisma', 'src/schema/user/profile-fields.ts']);
  });

  it('is reported by the compiler if its column is in no table', async () => {
    expect(await compiledWithoutRows()).toMatch(/erase-account\.ts\W.*Property 'employeeId' is missing/);
  });
});

describe('an owned type', { timeout }, () => {
  it('takes its tables, a row per model in the tables of ownership and of the export, its audit action, its files and a line for each of them in the table of contents', () => {
    const noun = ['create-document', 'delete-document', 'document', 'folder', 'rename-document'];
    const files = noun.map((name) => `src/schema/folder/${name}.ts`);
    const tables = [
      'prisma/schema.prisma',
      'src/commands/export/exported-models.ts',
      'src/identity/audit/audit-actions.ts',
      'src/policy/ownership.ts',
      'src/schema/schema.ts',
    ];
    expect(filesOf('owned-type')).toEqual([...files, ...tables]);
  });

  it('is reported by the compiler if its row in the ownership table is missing', async () => {
    expect(await compiledWithoutRows()).toMatch(/ownership\.ts\W.*Property 'Document' is missing/);
  });

  it('is reported as unused code if it is missing in the table of contents', async () => {
    const line = [/^import '\.\/folder\/rename-document\.ts';\n/m, ''] as const;
    const { code, output } = await copy.withReplaced('src/schema/schema.ts', line, () => copy.run('knip'));
    expect(code).not.toBe(0);
    expect(output).toContain('src/schema/folder/rename-document.ts');
  });

  it('is visible to no one with a row that names no owner, which its test reports', async () => {
    const { code, output } = await withOwnership('Document', '  Document: {},\n', 'vitest run test/folder/document.test.ts');
    expect(code).not.toBe(0);
    expect(output).toMatch(/- +"owner": "by every path"/);
  });

  it('is visible to its owner only if the model above it says so', async () => {
    const row = "  Folder: { of: 'User', by: 'user', writable: self },\n";
    const { code, output } = await withOwnership('Folder', row, 'vitest run test/folder/document.test.ts');
    expect(code).not.toBe(0);
    expect(output).toMatch(/- +"admin": "by every path",\n\+ +"admin": "by no path"/);
    expect(output).not.toMatch(/- +"owner"/);
  });
});

/** Runs a command while a row of the ownership table is replaced. */
const withOwnership = (model: string, row: string, command: string) =>
  copy.withReplaced('src/policy/ownership.ts', [new RegExp(`^ {2}${model}: .*\n`, 'm'), row], () => copy.run(command));

/** What the compiler reports if the example's rows are missing in the profile table and in the ownership table. */
let compilation: Promise<string> | undefined;
function compiledWithoutRows(): Promise<string> {
  const compile = async () => (await copy.run('tsc --noEmit')).output;
  const withoutEntry = () => copy.withReplaced('src/schema/user/profile-fields.ts', [/^ {2}employeeId: .*\n/m, ''], compile);
  compilation ??= copy.withReplaced('src/policy/ownership.ts', [/^ {2}Document: .*\n/m, ''], withoutEntry);
  return compilation;
}

describe('the recipes', async () => {
  const folder = join(import.meta.dirname, '../../docs/recipes');
  const linksOf = (text: string) => examples.filter(({ name }) => text.includes(`(../../examples/${name}`));
  const pages = await Promise.all((await readdir(folder)).map(async (page) => [page, await readFile(join(folder, page), 'utf8')] as const));

  it.each(pages.filter(([, text]) => linksOf(text).length > 0))('in %s show code of the examples that they link to', async (_, text) => {
    const linked = linksOf(text);
    const code = squeeze((await Promise.all(linked.map(addedLines))).join('\n'));
    const blocks = [...text.matchAll(/^ *```(?:ts|prisma|graphql)\n(?<block>.*?)^ *```$/gms)].map(({ groups }) => groups?.block ?? '');
    expect(blocks.filter((block) => !code.includes(squeeze(block)))).toEqual([]);
  });

  it.each(examples.map(({ name }) => name))('name every file that the example %s touches', async (name) => {
    const text = await readFile(join(folder, `${name}.md`), 'utf8');
    const rows = [...text.matchAll(/^\| `(?<file>[^`…]+)(?<isFolder>…)?` +\|/gm)].map(({ groups }) => groups ?? {});
    const { newFiles, changedFiles } = examples.find((one) => one.name === name) as Example;
    const isNamed = (path: string) => rows.some(({ file = '', isFolder }) => (isFolder ? path.startsWith(file) : path === file));
    expect([...newFiles, ...changedFiles].filter((file) => !isNamed(file))).toEqual([]);
  });
});

const squeeze = (text: string) => text.replace(/\s+/g, ' ').trim();
