import { randomUUID } from 'node:crypto';
import type { ExecutionResult } from 'graphql';
import { type Database, databaseTime, sql } from '../database/database.ts';
import { createExecutor } from '../graphql/execution/executor.ts';
import { whereSuperadmin } from '../identity/accounts/superadmins.ts';
import { type AuditEntry, recordAuditEvent } from '../identity/audit/record-event.ts';
import { insertSession } from '../identity/logins/insert-session.ts';
import { signAccessToken } from '../identity/tokens/access-token.ts';
import { generateToken, hashToken } from '../identity/tokens/opaque-token.ts';
import { revokeTokens } from '../identity/tokens/sessions.ts';
import { createPendingEvents } from '../identity/unit-of-work.ts';
import type { ClientInfo } from '../lib/client-info.ts';
import { emailKey } from '../lib/email-address.ts';
import { schema } from '../schema/schema.ts';
import { type Arguments, type CommandContext, type DatabaseCommand, exitCodes } from './command.ts';

/** Executes operations of the API as a superadmin. */
export interface Commander {
  readonly db: Database;
  readonly client: ClientInfo;
  /** The superadmin and the session, as the actor of audit events. */
  readonly actor: { readonly user: { readonly id: string }; readonly token: { readonly id: string } };
  /** Executes an operation. Throws an error with its code and the faults of its input. */
  query<Data>(document: string, variables: object): Promise<Data>;
  /** Records an audit event with the superadmin as its actor, for what is not an operation of the API. */
  recordAuditEvent(entry: AuditEntry): Promise<void>;
}

/** A command that performs operations of the API. */
interface SuperadminCommand extends Pick<DatabaseCommand, 'description' | 'positionals' | 'options' | 'readInput'> {
  /** Returns the text to print. */
  run(commander: Commander, args: Arguments, input: string): Promise<string>;
}

/** Makes a command run as a superadmin. Its option `--as` is the email address of the superadmin; optional if there is only one. */
export const superadminCommand = ({ run, options = [], ...syntax }: SuperadminCommand): DatabaseCommand => ({
  ...syntax,
  options: [...options, 'as'],
  async run(context, args, input) {
    await asSuperadmin(context, args.options.as, async (commander) => context.print(await run(commander, args, input)));
    return exitCodes.done;
  },
});

/**
 * Runs `work` as a superadmin, in a session that is revoked afterwards. Running commands on the server requires no password, but the same rules,
 * rate limits and audit events apply as over HTTP.
 */
export async function asSuperadmin(
  { config, db, openServices }: CommandContext,
  as: string | undefined,
  work: (commander: Commander) => Promise<void>,
): Promise<void> {
  const { services, notifier } = await openServices();
  const client = { network: 'local', agent: 'admin command', requestId: randomUUID() };
  const events = createPendingEvents();
  const { id: userId, email } = await findSuperadmin(db, as);
  const session = { userId, domainId: null, description: 'admin command', action: 'authn_command', proof: null } as const;
  const inserted = await insertSession(db, { ...session, secretHash: hashToken(generateToken('refresh')), client, config });
  if (!inserted) throw new Error(`${email} is disabled.`);
  const { accessToken } = signAccessToken(services, inserted);
  const run = createExecutor(schema, services, notifier);
  const authorization = `Bearer ${accessToken}`;
  const query = async <Data>(document: string, variables: object): Promise<Data> => {
    const params = { query: document, variables: variables as Record<string, unknown> };
    const { data, errors } = (await run({ params, client, authorization })) as ExecutionResult;
    if (errors?.[0]) throw new Error(formatError(errors[0]));
    return data as Data;
  };
  try {
    const actor = { user: { id: userId }, token: { id: inserted.id } };
    await work({ db, client, actor, query, recordAuditEvent: (entry) => recordAuditEvent(db.prisma, client, actor, entry) });
  } finally {
    const initiator = { reason: 'LOGOUT', initiator: 'SYSTEM', actor: null, work: { client, events } } as const;
    await revokeTokens(db, sql`t.id = ${inserted.id}::uuid`, initiator);
    notifier.flush(events);
  }
}

async function findSuperadmin(db: Database, as: string | undefined) {
  const candidates = await db.prisma.user.findMany({
    where: { ...whereSuperadmin(await databaseTime(db)), ...(as && { emailKey: emailKey(as) ?? '' }) },
    select: { id: true, email: true },
    take: 2,
  });
  const [superadmin, another] = candidates;
  if (another) throw new Error('There are several superadmins. Choose one with --as <email>.');
  if (superadmin) return superadmin;
  throw new Error(as ? `${as} is not a superadmin.` : 'There is no superadmin yet. Create one with create-superadmin.');
}

/** An error of the API, with one more line per invalid field. */
function formatError({ message, extensions }: { message: string; extensions: Record<string, unknown> }): string {
  const fields = Object.entries((extensions.fields ?? {}) as Record<string, string[]>).map(
    ([name, faults]) => `${name}: ${faults.join(', ')}`,
  );
  return [`${extensions.code}: ${message}`, ...fields].join('\n');
}
