import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { databaseTime } from '../../database/database.ts';
import { commandLimits } from '../../database/session.ts';
import { asSuperadmin, type Commander } from '../as-superadmin.ts';
import { type CommandContext, type DatabaseCommand, exitCodes } from '../command.ts';
import { type ImportTargets, readImportLine } from './import-line.ts';
import { findTaken, type ImportOutcome, insertUsers, type NumberedUser } from './insert-users.ts';

const batchSize = 500; // users in a transaction
const maxReported = 50;

/** Creates the users of a file with a JSON object on each line, with the password hashes that another system made. */
export const importUsers: DatabaseCommand = {
  description: ['creates the users of the file, with their password hashes; continues if repeated'],
  positionals: ['file.jsonl'],
  options: ['as'],
  flags: ['dry-run'],
  limits: commandLimits,
  // A running server reads the file itself: it has the same user, and the file may be larger than a request.
  readInput: async ({ positionals: [file = ''] }) => resolve(file),
  async run(context, { options, flags }, file) {
    const isDryRun = flags.includes('dry-run');
    let conflicts: readonly string[] = [];
    await asSuperadmin(context, options.as, async (commander) => {
      const targets = await readTargets(context);
      await validateFile(file, targets);
      const work = isDryRun ? countFree : insertUsers;
      const outcome = await processFile(context, file, targets, (users) => work(commander, targets, users));
      conflicts = outcome.conflicts;
      context.print(summarize(outcome, isDryRun));
    });
    if (conflicts.length > 0) throw new Error(report(conflicts));
    return exitCodes.done;
  },
};

async function readTargets({ db, config }: CommandContext): Promise<ImportTargets> {
  const roles = await db.prisma.role.findMany({ select: { id: true, name: true } });
  const domains = await db.prisma.domain.findMany({ where: { open: true }, select: { id: true, name: true } });
  return {
    now: await databaseTime(db),
    defaultGrants: [{ role: config.DEFAULT_ROLE, domain: config.DEFAULT_DOMAIN }],
    roles: new Map(roles.map(({ id, name }) => [name, id])),
    domains: new Map(domains.map(({ id, name }) => [name, id])),
  };
}

async function* readLines(file: string): AsyncGenerator<{ line: number; text: string }> {
  let line = 0;
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    line += 1;
    if (text.trim() !== '') yield { line, text: line === 1 ? text.replace(/^\uFEFF/, '') : text };
  }
}

/** Throws an error with the faults of all lines, before anything is written. */
async function validateFile(file: string, targets: ImportTargets): Promise<void> {
  const faults: string[] = [];
  const linesOf = { email: new Map<string, number>(), username: new Map<string, number>() };
  const claim = (field: keyof typeof linesOf, key: string | null, line: number) => {
    const earlier = key === null ? undefined : linesOf[field].get(key);
    if (earlier !== undefined) faults.push(`line ${line}: ${field}: must not be that of line ${earlier}`);
    else if (key !== null) linesOf[field].set(key, line);
  };
  for await (const { line, text } of readLines(file)) {
    const read = readImportLine(text, targets);
    if (Array.isArray(read)) faults.push(...read.map((fault) => `line ${line}: ${fault}`));
    else {
      claim('email', read.emailKey, line);
      claim('username', read.usernameKey, line);
    }
  }
  if (faults.length > 0) throw new Error(`${report(faults)}\nNothing was imported.`);
}

async function processFile(
  { print, flush }: CommandContext,
  file: string,
  targets: ImportTargets,
  work: (users: readonly NumberedUser[]) => Promise<ImportOutcome>,
): Promise<ImportOutcome> {
  let [imported, existing, batches] = [0, 0, 0];
  const conflicts: string[] = [];
  let batch: NumberedUser[] = [];
  const finishBatch = async () => {
    const outcome = await work(batch);
    batch = [];
    imported += outcome.imported;
    existing += outcome.existing;
    conflicts.push(...outcome.conflicts);
    batches += 1;
    if (batches % 20 === 0) print(`${batches * batchSize} lines …`);
    await flush();
  };
  for await (const { line, text } of readLines(file)) {
    const user = readImportLine(text, targets);
    if (Array.isArray(user)) throw new Error(`line ${line} was changed during the import`);
    batch.push({ line, user });
    if (batch.length === batchSize) await finishBatch();
  }
  if (batch.length > 0) await finishBatch();
  return { imported, existing, conflicts };
}

async function countFree({ db }: Commander, _: ImportTargets, users: readonly NumberedUser[]): Promise<ImportOutcome> {
  const { free, existing, conflicts } = await findTaken(db, users);
  return { imported: free.length, existing, conflicts };
}

const summarize = ({ imported, existing, conflicts }: ImportOutcome, isDryRun: boolean) =>
  [
    isDryRun ? `Would import ${imported} users; nothing was written.` : `Imported ${imported} users.`,
    `Skipped ${existing} whose address has an account, and ${conflicts.length} with conflicts.`,
  ].join('\n');

const report = (lines: readonly string[]) =>
  [...lines.slice(0, maxReported), ...(lines.length > maxReported ? [`… and ${lines.length - maxReported} more`] : [])].join('\n');
