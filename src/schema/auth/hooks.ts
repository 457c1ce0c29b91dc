import type { Database } from '../../database/database.ts';
import type { ClientInfo } from '../../lib/client-info.ts';

/** Somebody who registers: what the input of `register` holds besides the password. Whether the address has an account is not known yet. */
interface Registering {
  readonly input: Readonly<Record<string, unknown>> & { readonly email: string };
  readonly client: ClientInfo;
  readonly db: Database;
}

/** Somebody who has proven the password, and may otherwise log in. */
interface LoggingIn {
  readonly userId: string;
  /** The domain that the session is to be entered through. */
  readonly domainId: string | null;
  readonly client: ClientInfo;
  readonly db: Database;
}

/** Answers why it is refused, as the client is to read it; undefined lets it pass. What it throws fails the operation. */
type Hook<About> = (about: About) => string | undefined | Promise<string | undefined>;

interface Hooks {
  readonly onRegister: readonly Hook<Registering>[];
  readonly onLogin: readonly Hook<LoggingIn>[];
}

/**
 * What an installation adds to registering and to logging in. Those of `register` are asked for every address, taken or not, before it is
 * looked up, so that a refusal says nothing about others (security.md 3.1).
 */
export const hooks: Hooks = {
  onRegister: [],
  onLogin: [],
};

/** The first reason for which one of the hooks refuses; undefined where none does. */
export async function firstRejection<About>(asked: readonly Hook<About>[], about: About): Promise<string | undefined> {
  for (const hook of asked) {
    const reason = await hook(about);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
