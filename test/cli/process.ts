import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, openDatabase } from '../../src/database/database.ts';
import { createLogger } from '../../src/logger.ts';
import { createTestDatabase, isEmbedded, testConfig } from '../test-database.ts';

const root = join(import.meta.dirname, '../..');
const log = createLogger('silent');

// The processes of all test files share the compiled code: a start takes a third less.
const NODE_COMPILE_CACHE = join(tmpdir(), 'fieldgate-compile-cache');

const running = new Map<ChildProcess, Promise<unknown>>();

type Environment = Record<string, string>;

/** A temporary folder and a database for the processes of a test file. Cleaning up kills them. */
export async function tempEnvironment() {
  const folder = await mkdtemp(join(tmpdir(), 'fieldgate-'));
  const database = isEmbedded ? undefined : await createTestDatabase(testConfig(), log);
  const environment: Environment = { DATA_DIR: folder, ...(database?.url && { DATABASE_URL: database.url }) };
  const cleanUp = async () => {
    for (const child of running.keys()) child.kill('SIGKILL');
    await Promise.all(running.values());
    await database?.drop();
    await rm(folder, { recursive: true, force: true });
  };
  return { folder, environment, cleanUp };
}

/** Opens the database while no process uses it. */
export async function inspectDatabase<T>(environment: Environment, inspect: (db: Database) => Promise<T>): Promise<T> {
  const db = await openDatabase(testConfig(environment), log);
  try {
    return await inspect(db);
  } finally {
    await db.close();
  }
}

/** Starts a process with only these environment variables and collects its output. */
export function spawnProcess(command: string, args: string[], environment: Environment = {}) {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(command, args, { cwd: root, env: { PATH, HOME, TERM: 'xterm', PORT: '0', NODE_COMPILE_CACHE, ...environment } });
  const output = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.err += text;
  });
  child.stdin.on('error', () => {}); // a process that exits early does not read its input
  let hasEnded = false;
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve)).finally(() => {
    hasEnded = true;
    running.delete(child);
  });
  running.set(child, ended);
  /** Waits until the condition holds for the output or the process exits. */
  const waitForOutput = async (condition: () => boolean) => {
    while (!condition() && !hasEnded) await Promise.race([ended, new Promise((resolve) => child.stdout.once('data', resolve))]);
  };
  return { child, output, ended, waitForOutput, write: (text: string) => child.stdin.write(text) };
}

/** Runs a script to its end. */
export async function runCommand(args: string[], environment: Environment, input = '') {
  const { child, output, ended } = spawnProcess(process.execPath, args, environment);
  child.stdin.end(input);
  return { code: await ended, ...output };
}

/** Starts a server process and waits until it listens. Disposing of it stops it. */
export async function startServerProcess(environment: Environment) {
  return waitUntilListening(spawnProcess(process.execPath, ['src/server/main.ts'], environment));
}

/** Waits until the process logs where it listens. */
export async function waitUntilListening({ child, output, ended, waitForOutput }: ReturnType<typeof spawnProcess>) {
  const findUrl = () => /listens at (http\S+)\/graphql/.exec(output.out)?.[1];
  await waitForOutput(() => findUrl() !== undefined);
  const url = findUrl();
  if (!url) throw new Error(`the server exited with ${await ended}: ${output.err}`);
  const stop = () => {
    child.kill('SIGTERM');
    return ended;
  };
  return { url, output, waitForOutput, stop, [Symbol.asyncDispose]: async () => void (await stop()) };
}
