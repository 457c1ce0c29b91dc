import { randomUUID } from 'node:crypto';
import type { ExecutionResult } from 'graphql';
import { readConfig } from '../src/config.ts';
import { type Database, sql } from '../src/database/database.ts';
import { createExecutor } from '../src/graphql/execution/executor.ts';
import { signAccessToken } from '../src/identity/tokens/access-token.ts';
import { generateToken, hashToken } from '../src/identity/tokens/opaque-token.ts';
import { insertSession, revokeTokens } from '../src/identity/tokens/sessions.ts';
import { createPendingEvents } from '../src/identity/unit-of-work.ts';
import { emailKey } from '../src/lib/email-address.ts';
import { createLogger } from '../src/lib/logger.ts';
import { schema } from '../src/schema/schema.ts';
import { createServices } from '../src/server/services.ts';

/** Who a command acts as: a superadmin, by the operations of the API. */
export interface Commander {
  readonly db: Database;
  /** Executes an operation. Throws an error that says its code and what was wrong with which input. */
  ask<Data>(document: string, variables: object): Promise<Data>;
}

/**
 * Runs `work` as a superadmin, in a session that is opened for it and ends with it: whoever runs commands on the server needs no password,
 * and what they do meets the same rules, throttles and audit as if it were asked for over HTTP. `as` is the superadmin's address; it may be
 * left out where there is only one.
 */
export async function asSuperadmin(as: string | undefined, work: (commander: Commander) => Promise<void>): Promise<void> {
  const config = readConfig();
  const log = createLogger('silent');
  const { services, notifier, close } = await createServices(config, log);
  const { db } = services;
  const client = { network: 'local', agent: 'admin command', requestId: randomUUID() };
  const events = createPendingEvents();
  try {
    const { id: userId, email } = await superadmin(db, as);
    const opening = { userId, domainId: null, description: 'admin command', action: 'authn_command' } as const;
    const id = await insertSession(db, { ...opening, secretHash: hashToken(generateToken('refresh')), client, config });
    if (!id) throw new Error(`${email} is disabled.`);
    const { accessToken } = await signAccessToken(services, { id, userId, authenticatedAt: new Date() });
    const run = createExecutor(schema, services, notifier);
    const authorization = `Bearer ${accessToken}`;
    const ask = async <Data>(query: string, variables: object): Promise<Data> => {
      const params = { query, variables: variables as Record<string, unknown> };
      const { data, errors } = (await run({ params, client, authorization })) as ExecutionResult;
      if (errors?.[0]) throw new Error(said(errors[0]));
      return data as Data;
    };
    try {
      await work({ db, ask });
    } finally {
      await revokeTokens(db, sql`t.id = ${id}::uuid`, { reason: 'LOGOUT', initiator: 'SYSTEM', actor: null, work: { client, events } });
      notifier.flush(events);
    }
  } finally {
    await close();
  }
}

async function superadmin({ prisma }: Database, as: string | undefined) {
  const found = await prisma.user.findMany({
    where: {
      enabled: true,
      deletedAt: null,
      grants: { some: { role: { name: 'SUPERADMIN' }, domainId: null, OR: [{ expiresAt: null }, { expiresAt: { gt: new Date() } }] } },
      ...(as && { emailKey: emailKey(as) ?? '' }),
    },
    select: { id: true, email: true },
    take: 2,
  });
  const [one, another] = found;
  if (one && !another) return one;
  if (another) throw new Error('There are several superadmins: say as whom you act, by --as <email>.');
  throw new Error(as ? `${as} is no superadmin.` : 'There is no superadmin yet: create-superadmin makes the first.');
}

/** An error of the API in one line. */
function said({ message, extensions }: { message: string; extensions: Record<string, unknown> }): string {
  const fields = Object.entries((extensions.fields ?? {}) as Record<string, string[]>).map(
    ([name, faults]) => `${name}: ${faults.join(', ')}`,
  );
  return [`${extensions.code}: ${message}`, ...fields].join('\n');
}
