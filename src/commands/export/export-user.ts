import { encodeGlobalID } from '@pothos/plugin-relay';
import { type Database, sql, type Tx } from '../../database/database.ts';
import { Prisma } from '../../database/generated/prisma/client.ts';
import { commandLimits } from '../../database/session.ts';
import { emailKey } from '../../lib/email-address.ts';
import { profileEntries } from '../../schema/user/profile-fields.ts';
import { asSuperadmin, type Commander } from '../as-superadmin.ts';
import { type CommandContext, type DatabaseCommand, exitCodes } from '../command.ts';
import { type ExportedModel, type ExportedUser, exclusions, exportedEntries } from './exported-models.ts';

/** Prints everything that is stored about a user, as JSON (GDPR, articles 15 and 20). */
export const exportUser: DatabaseCommand = {
  description: ['prints everything that is stored about a user, as JSON'],
  positionals: ['email'],
  options: ['as'],
  limits: commandLimits,
  async run(context, { positionals: [email = ''], options }) {
    const user = await context.db.prisma.user.findUnique({
      where: { emailKey: emailKey(email) ?? '' },
      select: { id: true, emailKey: true },
    });
    if (!user) throw new Error(`No user has the email address ${email}.`);
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
// Prisma ends a transaction after this many milliseconds.
const transactionOptions = { timeout: 60 * 60_000, maxWait: 60_000 };

/** Prints one JSON object, in pieces: lists may have any length. */
async function printRows({ db, print, flush }: Pick<CommandContext, 'db' | 'print' | 'flush'>, user: ExportedUser): Promise<void> {
  print('{');
  await (db as Database).prisma.$transaction(async (tx) => {
    for (const [model, exported] of exportedEntries)
      for (const list of Object.keys(exported.lists)) await printList(tx, { model, list, exported, user }, { print, flush });
  }, transactionOptions);
  print(`"notIncluded": ${JSON.stringify(exclusions, null, 2)}\n}`);
}

interface List {
  readonly model: string;
  readonly list: string;
  readonly exported: ExportedModel;
  readonly user: ExportedUser;
}

async function printList(
  tx: Tx,
  { model, list, exported, user }: List,
  { print, flush }: Pick<CommandContext, 'print' | 'flush'>,
): Promise<void> {
  const columns = Object.entries(exported.columns).flatMap(([name, column]) => {
    if (typeof column === 'string') return [];
    const identifier = Prisma.raw(`"${name}"`);
    return column === true ? sql`t.${identifier}` : sql`${column(user)} as ${Prisma.raw(`"${name.replace(/^(role|domain)Id$/, '$1')}"`)}`;
  });
  const where = exported.lists[list]?.(user) ?? sql`false`;
  await tx.$executeRaw(sql`
    declare exported no scroll cursor for select ${Prisma.join(columns)} from ${Prisma.raw(`"${model}"`)} t where ${where} order by 1`);
  let separator = '';
  print(`${JSON.stringify(list)}: [`);
  while (true) {
    const rows = await tx.$queryRaw<object[]>(sql`fetch ${Prisma.raw(String(pageSize))} from exported`);
    if (rows.length > 0) print(separator + rows.map((row) => JSON.stringify(row)).join(',\n'));
    await flush();
    if (rows.length < pageSize) break;
    separator = ',';
  }
  print('],');
  await tx.$executeRaw(sql`close exported`);
}
