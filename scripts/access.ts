import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compare, type Finding, type State } from './access-diff.ts';
import { type Approvals, readApprovals } from './access-widenings.ts';

const usage = `Usage:
  npm run access                     runs the persona matrix and writes docs/AUTHORIZATION.md
  npm run access -- diff [<ref>]     compares who may do what with a commit, without one with that in docs/access-widenings.md`;
const [schemaFile, tableFile, widenings] = ['schema.graphql', 'docs/AUTHORIZATION.md', 'docs/access-widenings.md'] as const;

const [verb, ref, ...more] = process.argv.slice(2);
try {
  if (verb === undefined) process.exit(writeTable());
  else if (verb === 'diff' && more.length === 0) process.exit(report(ref));
  console.error(usage);
} catch (error) {
  console.error((error as Error).message);
}
process.exit(2);

/** Runs the matrix on the embedded database, its snapshot being the table. */
function writeTable(): number {
  const root = join(import.meta.dirname, '..');
  const table = join(root, tableFile);
  const before = existsSync(table) ? readFileSync(table, 'utf8') : undefined;
  const args = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'test/access/matrix.test.ts', '--update'];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env: { ...process.env, TEST_DATABASE_URL: '' } });
  if (status !== 0) {
    console.error(`The matrix failed: ${tableFile} shows what is, not what the rules say. Do not commit it.`);
    return 1;
  }
  const isCurrent = readFileSync(table, 'utf8') === before;
  console.log(isCurrent ? `${tableFile} was current already.` : `Wrote ${tableFile}. Read its diff as you read code.`);
  return 0;
}

/** Prints what changed since a commit, and answers 1 when somebody gained something that no line approves. */
function report(ref: string | undefined): number {
  const approvals = readApprovals(inTree(widenings) ?? '', widenings);
  const base = ref ?? approvals.since;
  if (base === undefined) throw new Error(`${widenings} has no line "Since: <commit>", and no commit was named.`);
  const { findings, omissions } = compare(stateAt(base), { name: 'the working tree', schema: present(), table: inTree(tableFile) });
  const isOpen = ({ verdict, coordinate }: Finding) => verdict === 'widened' && !approvals.coordinates.includes(coordinate);
  for (const finding of findings) printFinding(finding, isOpen(finding));
  const count = (verdict: string) => findings.filter((finding) => finding.verdict === verdict).length;
  console.log(
    `Since ${base}: ${['widened', 'narrowed', 'same', 'new', 'gone'].map((verdict) => `${count(verdict)} ${verdict}`).join(', ')}.`,
  );
  for (const omission of omissions) console.error(omission);
  for (const idle of idleOf(approvals, findings)) console.error(`${widenings} approves ${idle}, which is not widened: the line is idle.`);
  const open = findings.filter(isOpen).length;
  if (open > 0) console.error(`${open} widened without a line in ${widenings} that approves it.`);
  return open > 0 ? 1 : 0;
}

function printFinding({ coordinate, verdict, says }: Finding, isOpen: boolean) {
  const approval = verdict === 'widened' ? (isOpen ? ' (not approved)' : ' (approved)') : '';
  console.log([`${verdict.padEnd(8)} ${coordinate}${approval}`, ...says.map((line) => `         ${line}`)].join('\n'));
}

function idleOf({ coordinates }: Approvals, findings: readonly Finding[]) {
  return coordinates.filter((one) => !findings.some(({ coordinate, verdict }) => coordinate === one && verdict === 'widened'));
}

/** A file of the folder in which the command runs. */
function inTree(file: string) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

function present(): string {
  const schema = inTree(schemaFile);
  if (schema === undefined) throw new Error(`There is no ${schemaFile} here.`);
  return schema;
}

function stateAt(ref: string): State {
  const commit = git(['rev-parse', '--verify', '--quiet', `${ref}^{commit}`])?.trim();
  if (!commit) throw new Error(`There is no commit ${ref} in this clone.`);
  const schema = git(['show', `${commit}:./${schemaFile}`]);
  if (schema === undefined) throw new Error(`There is no ${schemaFile} in ${ref}.`);
  return { name: ref, schema, table: git(['show', `${commit}:./${tableFile}`]) };
}

/** What git answers; undefined where it refuses. */
function git(args: string[]): string | undefined {
  const { status, stdout, error } = spawnSync('git', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (error) throw new Error(`git can not be run: ${error.message}`);
  return status === 0 ? stdout : undefined;
}
