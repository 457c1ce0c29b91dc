import { spawn, spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from '../../bench/free-port.ts';

// Debian's is not in the path of every user.
const path = { PATH: `${process.env.PATH ?? ''}:/usr/sbin` };

export const isInstalled = spawnSync('pgbouncer', ['--version'], { env: path }).status === 0;

/** Starts PgBouncer in front of a PostgreSQL, with four sessions for each user and database by default. Returns the same URL through it. */
export async function startPgBouncer(url: string, mode: 'session' | 'transaction' | 'statement', sessions = 4, listenPort?: number) {
  const [target, port] = [new URL(url), listenPort ?? (await freePort())];
  const folder = await mkdtemp(join(tmpdir(), 'fieldgate-'));
  await chmod(folder, 0o755);
  const users = join(folder, 'users.txt');
  await writeFile(users, `"${decodeURIComponent(target.username)}" "${decodeURIComponent(target.password)}"\n`);
  const ini = join(folder, 'pgbouncer.ini');
  await writeFile(
    ini,
    `[databases]
* = host=${target.hostname} port=${target.port || 5432}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
pool_mode = ${mode}
default_pool_size = ${sessions}
query_wait_timeout = 2
`,
  );
  const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}; // it does not run as root
  const child = spawn('pgbouncer', [ini], { stdio: 'ignore', env: path, ...nobody });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const through = Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(port) }).href;
  while (!(await answers(through))) {
    if (child.exitCode !== null) throw new Error('PgBouncer did not start');
    await sleep(20);
  }
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true });
  };
  return { url: through, stop };
}

async function answers(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString });
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}
