import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../bench/free-port.ts';
import { generateKeys } from '../src/identity/keys/configured-keys.ts';

/** A server process, always at the same address. */
export interface Node {
  readonly name: string;
  readonly url: string;
  /** Whether it can respond: it is neither killed nor paused. */
  readonly isRunning: boolean;
  /** Since when it has been running without interruption; infinity while it is not. */
  readonly since: number;
  kill(): void;
  /** Suspends the process for a while. */
  pause(milliseconds: number): Promise<void>;
  /** Starts it and waits until it is ready. */
  start(): Promise<void>;
  stop(): void;
}

/** The settings that all nodes share. */
export const clusterSettings = async (databaseUrl: string) => ({
  DATABASE_URL: databaseUrl,
  TRUSTED_PROXIES: '1',
  ALLOWED_HOSTS: '127.0.0.1',
  ACCESS_TOKEN_TTL: '15m',
  LOG_LEVEL: 'warn',
  ...(await generateKeys()),
});

/** `ended` is called if the server exits by itself. */
export async function openNode(
  name: string,
  environment: Record<string, string>,
  folder: string,
  ended: (name: string) => void,
): Promise<Node> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const log = openSync(join(folder, `${name}.log`), 'a');
  let child: ChildProcess | undefined;
  let since = Number.POSITIVE_INFINITY;
  process.once('exit', () => child?.kill('SIGKILL'));
  const halt = () => {
    since = Number.POSITIVE_INFINITY;
  };
  const launch = () => {
    const { PATH = '', HOME = '' } = process.env;
    const env = { PATH, HOME, PUBLIC_URL: 'http://fieldgate.soak', ...environment, PORT: String(port) };
    const begun = spawn(process.execPath, [join(import.meta.dirname, '../src/server/main.ts')], { env, stdio: ['ignore', log, log] });
    begun.once('exit', () => {
      if (child !== begun) return;
      child = undefined;
      if (since < Number.POSITIVE_INFINITY) ended(name);
      halt();
    });
    return begun;
  };
  const start = async () => {
    for (const until = performance.now() + 120_000; performance.now() < until; await sleep(50)) {
      child ??= launch(); // it exits without a database, and is restarted like by a supervisor
      if (await isReady(url)) {
        since = performance.now();
        return;
      }
    }
    throw new Error(`${name} was not ready within 2 minutes`);
  };
  const kill = () => {
    halt();
    child?.kill('SIGKILL');
    child = undefined;
  };
  const pause = async (milliseconds: number) => {
    halt();
    child?.kill('SIGSTOP');
    await sleep(milliseconds);
    child?.kill('SIGCONT');
    since = performance.now();
  };
  return {
    name,
    url,
    get isRunning() {
      return since < Number.POSITIVE_INFINITY;
    },
    get since() {
      return since;
    },
    kill,
    pause,
    start,
    stop: kill,
  };
}

const isReady = (url: string) =>
  fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2_000) }).then(
    ({ ok }) => ok,
    () => false,
  );
