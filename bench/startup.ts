import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { freePort } from './free-port.ts';

/** Milliseconds from `npm start` to the first answer on the embedded database: without data, and with the data of the previous start. */
export async function measureStarts(folder: string): Promise<{ first: number; second: number[] }> {
  const data = join(folder, 'data');
  const first = await startOnce(data);
  const second: number[] = [];
  for (let round = 0; round < 3; round += 1) second.push(await startOnce(data));
  return { first, second };
}

async function startOnce(data: string): Promise<number> {
  const port = await freePort();
  const { DATABASE_URL: _, ...inherited } = process.env;
  const begun = performance.now();
  // A separate process group, because npm starts a shell that starts the server.
  const child = spawn('npm', ['start'], {
    cwd: join(import.meta.dirname, '..'),
    env: { ...inherited, NODE_ENV: 'development', DATA_DIR: data, PORT: String(port) },
    stdio: 'ignore',
    detached: true,
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    await firstAnswer(`http://127.0.0.1:${port}/graphql`, begun + 60_000);
    return performance.now() - begun;
  } finally {
    if (child.pid) process.kill(-child.pid, 'SIGTERM');
    await ended;
    await new Promise((resolve) => setTimeout(resolve, 1_000)); // npm exits before the server has closed its database
  }
}

async function firstAnswer(url: string, until: number) {
  const body = JSON.stringify({ query: '{ __typename }' });
  while (performance.now() < until) {
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body }).catch(() => null);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('npm start gave no answer within a minute');
}
