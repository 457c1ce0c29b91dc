import { type Arguments, type CommandContext, type DatabaseCommand, exitCodes, type Output } from './command.ts';

/** Runs a command and returns its exit code. Prints the message of an error that it throws. */
export async function executeCommand(
  command: DatabaseCommand,
  context: Omit<CommandContext, 'print' | 'flush'>,
  args: Arguments,
  input: string,
  { out, error, flush }: Output,
): Promise<number> {
  try {
    return await command.run({ ...context, print: out, flush }, args, input);
  } catch (thrown) {
    error(messageOf(thrown));
    return exitCodes.failed;
  }
}

/** An AggregateError of several refused connections has no message. */
export function messageOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return message || String(code);
}
