import { type SpawnOptions, spawn } from 'node:child_process';
import { globSync, mkdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../bench/free-port.ts';

/** The PostgreSQL of this run, with durable commits: fsync is on. */
export interface Postgres {
  readonly url: string;
  /** Kills all of its processes at once, like a machine failure. */
  kill(): void;
  /** Starts it again and waits until it has recovered. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Whether it was unavailable at any time since then, by the clock of this process. */
  wasAwaySince(time: number): boolean;
}

/** Creates and starts a cluster in the folder. Throws if PostgreSQL is not installed. */
export async function openPostgres(folder: string): Promise<Postgres> {
  const [programs, data] = [findPrograms(), join(folder, 'postgres')];
  mkdirSync(data);
  if (isRoot) await run('chown', ['postgres', folder, data]);
  const cluster = join(data, 'cluster');
  const port = await freePort();
  const away: { from: number; to: number }[] = [];
  const control = (...words: string[]) =>
    as(join(programs, 'pg_ctl'), [`--pgdata=${cluster}`, `--log=${join(data, 'log')}`, '--wait', '--silent', ...words], { cwd: data });
  const settings = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${data}`;
  // It does not start before all killed processes have exited.
  const start = async (left = 50): Promise<void> => {
    const code = await control(`--options=${settings}`, 'start');
    if (code !== 0 && left === 0) throw new Error(`PostgreSQL did not start: ${readFileSync(join(data, 'log'), 'utf8').slice(-2_000)}`);
    if (code !== 0) return sleep(100).then(() => start(left - 1));
    for (const time of away) time.to = Math.min(time.to, performance.now());
  };
  const made = await as(join(programs, 'initdb'), [`--pgdata=${cluster}`, '--username=soak', '--auth=trust', '--encoding=UTF8'], {
    cwd: data,
  });
  if (made !== 0) throw new Error('initdb failed');
  await start();
  return {
    url: `postgresql://soak@127.0.0.1:${port}/postgres`,
    kill: () => {
      away.push({ from: performance.now(), to: Number.POSITIVE_INFINITY });
      killAll(Number(readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n')[0]));
    },
    start,
    stop: async () => void (await control('--mode=immediate', 'stop')),
    wasAwaySince: (time) => away.some(({ to }) => to >= time),
  };
}

const isRoot = process.getuid?.() === 0;

/** PostgreSQL does not run as root. */
const as = (program: string, words: string[], options: SpawnOptions) =>
  isRoot ? run('runuser', ['-u', 'postgres', '--', program, ...words], options) : run(program, words, options);

function run(program: string, words: string[], options: SpawnOptions = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    spawn(program, words, { ...options, stdio: 'ignore' }) // a pipe would stay open as long as the server runs
      .once('error', reject)
      .once('exit', (code) => resolve(code ?? 1));
  });
}

function findPrograms(): string {
  const inPath = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'initdb'));
  const [found] = globSync([...inPath, '/usr/lib/postgresql/*/bin/initdb'])
    .sort()
    .reverse();
  if (!found) throw new Error('PostgreSQL is not installed: initdb is neither in PATH nor under /usr/lib/postgresql.');
  return dirname(found);
}

/** Each process is a session leader, so killing the process group of the first one is not enough. */
function killAll(pid: number) {
  const children = globSync(`/proc/${pid}/task/*/children`).flatMap((file) => readFileSync(file, 'utf8').split(' ').filter(Boolean));
  for (const one of [pid, ...children.map(Number)])
    try {
      process.kill(one, 'SIGKILL');
    } catch {
      // it has already exited
    }
}
