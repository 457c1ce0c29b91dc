import type { Database } from '../../database/database.ts';
import type { ClientInfo } from '../../lib/client-info.ts';

/** A registration, before it is known whether the address has an account. */
interface Registration {
  /** The input of `register` without the password. */
  readonly input: Readonly<Record<string, unknown>> & { readonly email: string };
  readonly client: ClientInfo;
  readonly db: Database;
}

/** A login with a valid password to an account that may log in. */
interface Login {
  readonly userId: string;
  /** The domain to log in to. */
  readonly domainId: string | null;
  readonly client: ClientInfo;
  readonly db: Database;
}

/** Returns the reason for a rejection, which is shown to the client, or undefined to accept. An exception fails the operation. */
type Hook<Attempt> = (attempt: Attempt) => string | undefined | Promise<string | undefined>;

interface Hooks {
  readonly onRegister: readonly Hook<Registration>[];
  readonly onLogin: readonly Hook<Login>[];
}

/**
 * The checks that an installation adds to registration and login. `onRegister` hooks run before the address lookup, so that a rejection does
 * not reveal whether the address is taken (security.md 3.1).
 */
export const hooks: Hooks = {
  onRegister: [],
  onLogin: [],
};

/** Runs the hooks in order. Returns the reason of the first rejection, or undefined if all accept. */
export async function firstRejection<Attempt>(checks: readonly Hook<Attempt>[], attempt: Attempt): Promise<string | undefined> {
  for (const check of checks) {
    const reason = await check(attempt);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
