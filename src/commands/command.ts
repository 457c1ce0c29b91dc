import type { Config } from '../config.ts';
import type { Database } from '../database/database.ts';
import type { statementLimits } from '../database/session.ts';
import type { AppServices } from '../graphql/context.ts';
import type { ConfiguredKeys } from '../identity/keys/configured-keys.ts';
import type { Notifier } from '../identity/tokens/revocation-notifier.ts';

/** The resources of a command: those of the running server, or newly opened ones. */
export interface CommandContext {
  readonly config: Config;
  readonly db: Database;
  /** True if a running server executes the command. */
  readonly isServer: boolean;
  loadKeys(): Promise<ConfiguredKeys>;
  openServices(): Promise<{ readonly services: AppServices; readonly notifier: Notifier }>;
  /** Prints text and a line break on standard output. */
  print(text: string): void;
  flush: Output['flush'];
}

/** The arguments of a command. */
export interface Arguments {
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, string | undefined>>;
  readonly flags: readonly string[];
}

/** The exit codes of a command. An error that it throws is printed, and is a failure. */
export const exitCodes = { done: 0, failed: 1, invalidArguments: 2, unverifiedHead: 3 } as const;

interface CommandSyntax {
  /** For the usage, one item for each line. */
  readonly description?: readonly string[];
  /** The names of its positional arguments. */
  readonly positionals?: readonly string[];
  /** Options with a value. */
  readonly options?: readonly string[];
  /** Options without a value. */
  readonly flags?: readonly string[];
}

/** A command that works on the database. A running server with the embedded database executes it, because no other process can open that. */
export interface DatabaseCommand extends CommandSyntax {
  /** The timeouts of its statements; those of the server if omitted. */
  readonly limits?: typeof statementLimits;
  /** Reads what the operator enters, always in the process of the operator: from the terminal, from standard input or from a file. */
  readInput?(args: Arguments): Promise<string>;
  /** Returns the exit code. */
  run(context: CommandContext, args: Arguments, input: string): Promise<number>;
}

/** The output of a command. */
export interface Output {
  out(text: string): void;
  error(text: string): void;
  /** Resolves when the reader has taken what was printed, so that a long output is not kept in memory. */
  flush(): Promise<void>;
}

/** A command that always runs in the process of the operator, and opens what it needs itself. */
interface LocalCommand extends CommandSyntax {
  /** Returns an exit code. */
  runLocally(args: Arguments, output: Output): Promise<number>;
}

/** A command with both runs locally, and may send a part of its work to the server that has the embedded database open. */
export type Command = DatabaseCommand | LocalCommand | (LocalCommand & DatabaseCommand);
