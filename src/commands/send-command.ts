import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { openAdminSocket, type Response, toLine, version } from './admin-socket.ts';
import { exitCodes, type Output } from './command.ts';

/** Connects to the server that has the data folder open. Undefined if none executes commands. */
export async function connectToServer(folder: string): Promise<Socket | undefined> {
  if (process.platform === 'win32') return undefined;
  const socket = await openAdminSocket(folder).catch(() => undefined);
  if (!socket) return undefined;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const connection = connect(socket.path);
  connection.once('connect', resolve).once('error', reject);
  try {
    await promise;
    return connection;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined; // none, or one that a killed server has left
    throw new Error(`The server in ${folder} does not accept commands of this user (${code}). Use the user of the server.`);
  } finally {
    socket.close();
  }
}

/** Sends a command to the server, and prints what it prints. Returns its exit code. */
export async function sendCommand(connection: Socket, words: readonly string[], input: string, output: Output): Promise<number> {
  connection.end(toLine({ version, words: [...words], input }));
  try {
    for await (const line of createInterface({ input: connection, crlfDelay: Number.POSITIVE_INFINITY })) {
      const response = JSON.parse(line) as Response;
      if ('exit' in response) return response.exit;
      if ('out' in response) output.out(response.out);
      else output.error(response.error);
      await output.flush();
    }
  } catch {} // the connection was reset, perhaps within a line
  output.error('The server stopped during the command. Find out whether it took effect before you repeat it.');
  return exitCodes.failed;
}
