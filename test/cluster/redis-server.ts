import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { Redis } from 'ioredis';
import { freePort } from '../../bench/free-port.ts';
import { waitUntil } from '../test-server.ts';

export const isInstalled = spawnSync('redis-server', ['--version']).status === 0;

/** A Redis server that can be killed and restarted at the same address. */
export async function openRedis() {
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;
  const start = async () => {
    child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], { stdio: 'ignore' });
    const client = connectClient();
    await waitUntil(async () => (await client.ping().catch(() => '')) === 'PONG');
    client.disconnect();
  };
  const kill = async () => {
    const ended = new Promise((resolve) => child?.once('exit', resolve));
    child?.kill('SIGKILL');
    await ended;
  };
  const connectClient = () => new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: 0 }).on('error', () => {});
  /** Collects the messages on a channel from now on. */
  const listen = async (channel: string) => {
    const client = connectClient();
    const said: string[] = [];
    client.on('message', (_, text) => said.push(text));
    await waitUntil(async () => (await client.subscribe(channel).catch(() => 0)) === 1);
    return { said, leave: () => client.disconnect() };
  };
  await start();
  return { url, start, kill, listen, pause: () => child?.kill('SIGSTOP'), goOn: () => child?.kill('SIGCONT') };
}
