import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { type Database, sql, type Tx } from '../../database/database.ts';
import { Prisma } from '../../database/generated/prisma/client.ts';
import { commandLimits } from '../../database/session.ts';
import { profileEntries } from '../../schema/user/profile-fields.ts';
import { asSuperadmin, type Commander } from '../as-superadmin.ts';
import { findUserByEmail } from '../call-mutation.ts';
import { type CommandContext, type DatabaseCommand, exitCodes } from '../command.ts';
import { type ExportedModel, type ExportedUser, exclusions, exportedEntries } from './exported-models.ts';

/** Prints everything that is stored about a user, as JSON (GDPR, articles 15 and 20). */
export const exportUser: DatabaseCommand = {
  description: ['prints everything that is stored about a user, as JSON'],
  positionals: ['email'],
  options: ['as'],
  limits: commandLimits,
  async run(context, { positionals: [email = ''], options }) {
    const user = await findUserByEmail(context, email);
    await asSuperadmin(context, options.as, async (commander) => {
      await readThroughApi(commander, user);
      await commander.recordAuditEvent({ action: 'user_exported', userId: user.id, target: { type: 'User', id: user.id } });
      await printRows(context, user);
    });
    return exitCodes.done;
  },
};

/** Reads the profile as the superadmin may read it: the rules are applied, and the owner gets receipts of the sensitive fields. */
async function readThroughApi({ query }: Commander, { id }: ExportedUser): Promise<void> {
  const fields = profileEntries.map(([name]) => name).join(' ');
  const document = `query ($id: ID!) { node(id: $id) { ... on User { ${fields} } } }`;
  const { node } = await query<{ node: object | null }>(document, { id: encodeGlobalID('User', id) });
  if (!node) throw new Error('The superadmin may not read this user.');
}

const pageSize = 1_000; // rows in memory at a time
const flushInterval = 1_000; // lines
// Prisma ends a transaction after this many milliseconds.
const transactionOptions = { timeout: 60 * 60_000, maxWait: 60_000, isolationLevel: 'RepeatableRead' } as const;

/**
 * Prints one JSON object: lists may have any length. It is written to a temporary file first, so that a slow reader does not keep the transaction
 * open, which on the embedded database holds the only connection. No other process can open the file: it has no name any more.
 */
async function printRows({ db, print, flush }: Pick<CommandContext, 'db' | 'print' | 'flush'>, user: ExportedUser): Promise<void> {
  const file = await openNamelessFile();
  try {
    const write = (text: string) => file.appendFile(text);
    await write('{\n');
    await (db as Database).prisma.$transaction(async (tx) => {
      for (const [model, exported] of exportedEntries)
        for (const list of Object.keys(exported.lists)) await writeList(tx, { model, list, exported, user }, write);
    }, transactionOptions);
    await write(`"notIncluded": ${JSON.stringify(exclusions, null, 2)}\n}\n`);
    let count = 0;
    for await (const line of file.readLines({ start: 0, autoClose: false })) {
      print(line);
      count += 1;
      if (count % flushInterval === 0) await flush();
    }
  } finally {
    await file.close();
  }
}

async function openNamelessFile(): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), 'fieldgate-export-')); // mode 0700
  try {
    return await open(join(folder, 'export.json'), 'wx+', 0o600);
  } finally {
    await rm(folder, { recursive: true });
  }
}

interface List {
  readonly model: string;
  readonly list: string;
  readonly exported: ExportedModel;
  readonly user: ExportedUser;
}

async function writeList(tx: Tx, { model, list, exported, user }: List, write: (text: string) => Promise<void>): Promise<void> {
  const columns = Object.entries(exported.columns).flatMap(([name, column]) => {
    if (typeof column === 'string') return [];
    const identifier = Prisma.raw(`"${name}"`);
    return column === true ? sql`t.${identifier}` : sql`${column(user)} as ${Prisma.raw(`"${name.replace(/^(role|domain)Id$/, '$1')}"`)}`;
  });
  const where = exported.lists[list]?.(user) ?? sql`false`;
  const time = ['at', 'createdAt'].find((name) => exported.columns[name] === true);
  const order = time ? sql`${Prisma.raw(`t."${time}"`)}, 1` : sql`1`;
  await tx.$executeRaw(sql`
    declare exported no scroll cursor for select ${Prisma.join(columns)} from ${Prisma.raw(`"${model}"`)} t where ${where} order by ${order}`);
  let separator = '';
  await write(`${JSON.stringify(list)}: [\n`);
  while (true) {
    const rows = await tx.$queryRaw<object[]>(sql`fetch ${Prisma.raw(String(pageSize))} from exported`);
    if (rows.length > 0) await write(`${separator}${rows.map((row) => JSON.stringify(row)).join(',\n')}\n`);
    if (rows.length < pageSize) break;
    separator = ',';
  }
  await write('],\n');
  await tx.$executeRaw(sql`close exported`);
}
