import { setTimeout as pause } from 'node:timers/promises';
import { requireAdminSocket } from '../src/commands/admin-socket.ts';
import { type DatabaseCommand, exitCodes, type Output } from '../src/commands/command.ts';
import { executeCommand, messageOf } from '../src/commands/execute-command.ts';
import { type Invocation, parseInvocation, usage } from '../src/commands/parse-arguments.ts';
import { connectToServer, sendCommand } from '../src/commands/send-command.ts';
import { type Config, readConfig } from '../src/config.ts';
import { FolderInUseError } from '../src/database/data-folder.ts';
import { openDatabase } from '../src/database/database.ts';
import { loadConfiguredKeys } from '../src/identity/keys/configured-keys.ts';
import { createLogger } from '../src/logger.ts';
import { createServices, type OpenServices } from '../src/server/services.ts';

const startTime = 10_000; // milliseconds in which a server that has the data folder open begins to execute commands

// A reader that closes the pipe, such as `head`, does not end the command.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

const words = process.argv.slice(2);
const output: Output = {
  out: (text) => console.log(text),
  error: (text) => console.error(text),
  flush: () => new Promise((resolve) => process.stdout.write('', () => resolve())),
};
const invocation = parseInvocation(words);
if (!invocation) {
  console.error(usage());
  process.exit(exitCodes.invalidArguments);
}
try {
  const code = await run(invocation);
  await output.flush();
  process.exit(code);
} catch (error) {
  output.error(messageOf(error));
  process.exit(exitCodes.failed);
}

/** Runs a command in this process or, if a server has the embedded database open, in the server. Returns its exit code. */
async function run({ command, args }: Invocation): Promise<number> {
  if ('runLocally' in command) {
    return command.runLocally(args, output);
  }
  const config = readConfig();
  const input = (await command.readInput?.(args)) ?? '';
  if (config.DATABASE_URL) return runInThisProcess(config, command, args, input);
  const deadline = performance.now() + startTime;
  while (true) {
    const connection = await connectToServer(config.DATA_DIR);
    if (connection) return sendCommand(connection, words, input, output);
    try {
      return await runInThisProcess(config, command, args, input);
    } catch (error) {
      if (!(error instanceof FolderInUseError) || performance.now() > deadline) throw error;
      await requireAdminSocket(config.DATA_DIR);
      await pause(100);
    }
  }
}

async function runInThisProcess(config: Config, command: DatabaseCommand, args: Invocation['args'], input: string): Promise<number> {
  const log = createLogger('silent');
  if (!config.DATABASE_URL) await loadConfiguredKeys(config); // generates none for a database that exists
  const db = await openDatabase(config, log, command.limits);
  let services: OpenServices | undefined;
  const openServices = async () => {
    services ??= await createServices(config, log, db);
    return services;
  };
  try {
    const context = { config, db, isServer: false, loadKeys: () => loadConfiguredKeys(config), openServices };
    return await executeCommand(command, context, args, input, output);
  } finally {
    await services?.close();
    await db.close();
  }
}
