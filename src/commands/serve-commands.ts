import { rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { runAs } from '../database/workload.ts';
import type { AppServices } from '../graphql/context.ts';
import type { ConfiguredKeys } from '../identity/keys/configured-keys.ts';
import type { Notifier } from '../identity/tokens/revocation-notifier.ts';
import { parseJson } from '../lib/parse-json.ts';
import { type AdminSocket, openAdminSocket, type Response, request, toLine, version } from './admin-socket.ts';
import { exitCodes } from './command.ts';
import { executeCommand, messageOf } from './execute-command.ts';
import { parseInvocation } from './parse-arguments.ts';

const limits = {
  requestSize: 16 * 1024 * 1024, // bytes; a seed file
  requestTime: 10_000, // milliseconds
  commands: 8, // at the same time
  closeTime: 1_000, // milliseconds
};

/** Executes the commands that other processes send. */
export interface CommandServer {
  /** Accepts no more commands, and waits for those in progress, at most for so many milliseconds. */
  close(maxWait: number): Promise<void>;
}

/**
 * Executes admin commands of processes that cannot open the embedded database themselves. Only the user of this process can connect. Logs why if
 * that is impossible: then commands need a stopped server.
 */
export async function serveCommands(
  services: AppServices,
  notifier: Notifier,
  configuredKeys: ConfiguredKeys,
): Promise<CommandServer | undefined> {
  if (process.platform === 'win32') return undefined;
  const { config, log, db } = services;
  const context = { config, db, isServer: true, loadKeys: async () => configuredKeys, openServices: async () => ({ services, notifier }) };
  const running = new Set<Promise<void>>();
  const connections = new Set<Socket>();

  async function respond(socket: Socket) {
    const send = (response: Response) => void (socket.writable && socket.write(toLine(response)));
    const reject = (error: string) => {
      send({ error });
      send({ exit: exitCodes.failed });
    };
    if (running.size >= limits.commands) return reject(`The server executes ${limits.commands} commands already. Try again later.`);
    const line = await readLine(socket);
    const { data: sent } = request.safeParse(line === undefined ? undefined : parseJson(line));
    if (!sent) return reject('The server does not understand the request.');
    if (sent.version !== version) {
      return reject(`The server has version ${version} and the command version ${sent.version}. Use the same version for both.`);
    }
    const invocation = parseInvocation(sent.words);
    if (!invocation || !('run' in invocation.command)) return reject('The server does not know this command. Restart it.');
    const { name, command, args } = invocation;
    log.info({ event: 'sys_command', command: name }, 'an admin command is executed');
    const flush = () => new Promise<void>((resolve) => socket.write('', () => resolve())); // also if the socket is closed
    const output = { out: (out: string) => send({ out }), error: (error: string) => send({ error }), flush };
    send({ exit: await executeCommand(command, context, args, sent.input, output) });
  }

  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    socket.on('error', () => {}); // a command that was interrupted runs to its end
    const work = runAs({ class: 'write', kind: 'command' }, () => respond(socket))
      .catch((error: Error) => log.error({ event: 'sys_defect', error: String(error.stack) }, 'an admin command failed unexpectedly'))
      .finally(() => {
        running.delete(work);
        socket.end();
        socket.resume().setTimeout(limits.requestTime, () => socket.destroy());
      });
    running.add(work);
  });

  const socket = await listen(server, config.DATA_DIR).catch((error: unknown) => {
    log.warn({ event: 'sys_commands_unavailable', error: messageOf(error) }, 'admin commands need a stopped server');
    return undefined;
  });
  if (!socket) return undefined;
  return {
    async close(maxWait) {
      const closed = new Promise((resolve) => server.close(resolve));
      const timer = new AbortController();
      const waited = pause(maxWait, undefined, { signal: timer.signal }).catch(() => {});
      await Promise.race([Promise.all(running), waited]);
      timer.abort();
      for (const connection of connections) connection.destroySoon(); // after its last line, the exit code
      await Promise.race([closed, pause(limits.closeTime, undefined, { ref: false })]);
      for (const connection of connections) connection.destroy(); // of a client that does not read
      await closed;
      socket.close();
    },
  };
}

/** Replaces a socket that a killed server has left: this process has the lock of the folder. */
async function listen(server: ReturnType<typeof createServer>, folder: string): Promise<AdminSocket> {
  const socket = await openAdminSocket(folder);
  try {
    await rm(socket.path, { force: true });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const mask = process.umask(0o177);
    server.once('error', reject).listen(socket.path, resolve); // creates the file at once, with mode 0600
    process.umask(mask);
    await promise;
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** The first line. Undefined if the client sends none in time, or one that is too long. */
function readLine(socket: Socket): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const chunks: Buffer[] = [];
  let size = 0;
  const timer = setTimeout(resolve, limits.requestTime, undefined);
  socket.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > limits.requestSize) return resolve(undefined);
    const end = chunk.indexOf('\n');
    chunks.push(end === -1 ? chunk : chunk.subarray(0, end));
    if (end !== -1) resolve(Buffer.concat(chunks).toString());
  });
  socket.once('close', () => resolve(undefined)).once('end', () => resolve(undefined));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.removeAllListeners('data');
  });
}
