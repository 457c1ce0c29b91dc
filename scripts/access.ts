import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareStates, type Finding, type State } from './access-diff.ts';
import { type Approvals, readApprovals } from './access-widenings.ts';

const usage = `Usage:
  npm run access                     runs the access matrix and writes docs/AUTHORIZATION.md
  npm run access -- diff [<ref>]     compares who has access with a commit, by default the one in docs/access-widenings.md`;
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

/** Runs the matrix on the embedded database. Its snapshot is the table. */
function writeTable(): number {
  const root = join(import.meta.dirname, '..');
  const table = join(root, tableFile);
  const before = existsSync(table) ? readFileSync(table, 'utf8') : undefined;
  const args = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'test/matrix/matrix.test.ts', '--update'];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env: { ...process.env, TEST_DATABASE_URL: '' } });
  if (status !== 0) {
    console.error(`The matrix failed: ${tableFile} shows what the server does, not what the rules require. Do not commit it.`);
    return 1;
  }
  const isCurrent = readFileSync(table, 'utf8') === before;
  console.log(isCurrent ? `${tableFile} is up to date.` : `Wrote ${tableFile}. Review its diff like code.`);
  return 0;
}

/** Prints what changed since a commit. Returns 1 if access was widened without an approval. */
function report(ref: string | undefined): number {
  const approvals = readApprovals(inTree(widenings) ?? '', widenings);
  const base = ref ?? approvals.since;
  if (base === undefined) throw new Error(`${widenings} has no line "Since: <commit>", and no commit was given.`);
  const { findings, omissions } = compareStates(stateAt(base), {
    name: 'the working tree',
    schema: currentSchema(),
    table: inTree(tableFile),
  });
  const isOpen = ({ verdict, coordinate }: Finding) => verdict === 'widened' && !approvals.coordinates.includes(coordinate);
  for (const finding of findings) printFinding(finding, isOpen(finding));
  const count = (verdict: string) => findings.filter((finding) => finding.verdict === verdict).length;
  console.log(
    `Since ${base}: ${['widened', 'narrowed', 'same', 'new', 'gone'].map((verdict) => `${count(verdict)} ${verdict}`).join(', ')}.`,
  );
  for (const omission of omissions) console.error(omission);
  for (const unused of unusedIn(approvals, findings))
    console.error(`${widenings} approves ${unused}, which is not widened: the line is unused.`);
  const open = findings.filter(isOpen).length;
  if (open > 0) console.error(`${open} widened without a line in ${widenings} that approves it.`);
  return open > 0 ? 1 : 0;
}

function printFinding({ coordinate, verdict, details }: Finding, isOpen: boolean) {
  const approval = isOpen ? ' (not approved)' : ' (approved)';
  console.log(
    [`${verdict.padEnd(8)} ${coordinate}${verdict === 'widened' ? approval : ''}`, ...details.map((line) => `         ${line}`)].join('\n'),
  );
}

function unusedIn({ coordinates }: Approvals, findings: readonly Finding[]) {
  return coordinates.filter((one) => !findings.some(({ coordinate, verdict }) => coordinate === one && verdict === 'widened'));
}

/** A file of the working directory; undefined if there is none. */
function inTree(file: string) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

function currentSchema(): string {
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

/** The output of git; undefined if it fails. */
function git(args: string[]): string | undefined {
  const { status, stdout, error } = spawnSync('git', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (error) throw new Error(`git cannot be run: ${error.message}`);
  return status === 0 ? stdout : undefined;
}
