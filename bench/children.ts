import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';

/** The cores of a child: the measured process has the first core, load and database have the others. */
export type Place = 'measured' | 'beside';

const cores = availableParallelism();
const others = cores > 2 ? `1-${cores - 1}` : '1';
export const pins = cores > 1 && spawnSync('taskset', ['-V']).status === 0;
const running = new Set<ChildProcess>();

/** Starts a TypeScript file in a separate process. `flags` are passed to Node.js. */
export function startChild(place: Place, file: string, env: NodeJS.ProcessEnv, flags: readonly string[] = []): ChildProcess {
  const command = [process.execPath, ...flags, file];
  const [program = '', ...args] = pins ? ['taskset', '-c', place === 'measured' ? '0' : others, ...command] : command;
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** The address that a server reports on start. */
export async function addressOf(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('The server has no output');
  for await (const text of createInterface({ input: child.stdout })) {
    const [, url] = / listens at (http:\/\/[^/\s]+)/.exec(text) ?? [];
    if (url) {
      child.stdout.resume();
      return url;
    }
  }
  throw new Error(`A server did not start: ${child.spawnargs.join(' ')}`);
}

/** Sends a job to a child and returns its result. */
export function ask<Answer>(child: ChildProcess, job: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error(`A process ended early: ${child.spawnargs.join(' ')}`));
    child.once('exit', ended);
    child.once('message', (answer) => {
      child.off('exit', ended);
      const { failed } = answer as { failed?: string };
      if (failed) reject(new Error(failed));
      else resolve(answer as Answer);
    });
    child.send(job);
  });
}

/** In a child: runs each job until the parent exits. */
export function serve<Job>(work: (job: Job) => Promise<object>): void {
  process.on('message', (job) => {
    work(job as Job).then(
      (answer) => process.send?.(answer),
      (error: Error) => process.send?.({ failed: String(error.stack) }),
    );
  });
  process.once('disconnect', () => process.exit(0));
}

export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

export const stopChildren = () => Promise.all([...running].map(stopChild));

/** Microseconds of processor time that a process has used; NaN if the system does not report it. */
export function cpuOf(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10_000; // clock ticks of 10 ms
  } catch {
    return Number.NaN;
  }
}

/** Keeps other processes, such as those of the database, off the measured core; does nothing if that is not permitted. */
export function keepBeside(pids: readonly number[]): void {
  if (pins) for (const pid of pids) spawnSync('taskset', ['-cp', others, String(pid)]);
}
